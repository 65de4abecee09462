"""Messages that a run sends by GELF come into its log, redacted, and the listener is no part of the job."""

import sys
from typing import Any

from keeper.kit import Keeper, Peer
from locksided.keeper.log.format import GELF, read_gelf

NORMAL = "cccssssn"
"""What is kept of each level when a component says nothing of it."""
CONNECT = (
    "import json, os, signal, socket, sys, time\n"
    "address = (os.environ['KBC_LOGGER_ADDR'], int(os.environ['KBC_LOGGER_PORT']))\n"
    "def text(level, short, **more):\n"
    "    head = {'version': '1.1', 'host': 'h', 'level': level, 'short_message': short}\n"
    "    return json.dumps({**head, **more}).encode()\n"
    "link = socket.create_connection(address)\n"
)


def order(keeper: Keeper, code: str, *, visibilities: str = NORMAL, **fields: Any) -> dict[str, Any]:
    gelf = {"transport": "tcp", "visibilities": visibilities}
    return keeper.order(sys.executable, "-I", "-S", "-c", CONNECT + code, gelf=gelf, **fields)


def heard(keeper: Keeper) -> list[tuple[int, str, dict[str, Any], bool]]:
    parts = [read_gelf(frame.payload) for frame in keeper.frames() if frame.stream == GELF]
    return [(one.level, one.text.decode(), one.fields, one.for_admins) for one in parts if one]


def test_messages_by_tcp_are_kept_by_the_visibility_of_their_level(keeper: Keeper, daemon: Peer) -> None:
    code = (
        "for level in range(7, -1, -1):\n"
        "    link.sendall(text(level, f'short {level}', full_message=f'full {level}', _n=level) + b'\\0')\n"
    )
    daemon.send(**order(keeper, code, visibilities="csvcssvn"))
    outcome = daemon.outcome("1-1-0")
    assert (outcome["exitCode"], outcome["killReport"], outcome["leftovers"]) == (0, None, [])
    assert heard(keeper) == [
        (6, "full 6\n", {"_n": 6}, False),
        (5, "short 5\n", {}, False),
        (4, "short 4\n", {}, False),
        (3, "full 3\n", {"_n": 3}, True),
        (2, "full 2\n", {"_n": 2}, False),
        (1, "short 1\n", {}, False),
        (0, "full 0\n", {"_n": 0}, True),
    ]
    assert outcome["gelfTail"] == "Application error."
