"""The keeper outlives whatever a daemon sends it, and the daemon whatever a keeper says."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from e2e.harness import Daemon
from e2e.wire import Wire
from fuzz.budget import dice, rounds
from fuzz.campaign import complaints
from fuzz.mutations import spoilt_line, spoilt_value
from keeper.kit import Keeper
from locksided.keeper import outcome

LINES = 40


def test_a_keeper_outlives_whatever_it_is_sent_and_its_jobs_go_on(scanning: Keeper) -> None:
    chance = dice("keeper")
    keeper = scanning
    peer = keeper.connect()
    peer.send(**keeper.order("sleep", "1000", token="running"))
    peer.expect("started", "running")
    start = keeper.order("true", token="2-1-0")
    others: list[Any] = [
        {"op": "hello", "version": 1},
        *({"op": op, "token": "3-1-0"} for op in ("stop", "pause", "resume", "ack")),
        {"op": "watch", "token": "running", "seq": 5},
        {"op": "reap", "token": "4-1-0", "folder": "/nowhere", "graceSeconds": 1, "stopSignal": 15},
    ]
    for _ in rounds(0.05, 20):
        lines = [spoilt_line(chance, chance.choice(others)) for _ in range(LINES)]
        # Only its values are spoilt: bytes of a path could make another path that exists.
        lines += [json.dumps(spoilt_value(chance, start)).encode() for _ in range(LINES)]
        chance.shuffle(lines)
        peer.send_bytes(b"\n".join(lines) + b"\n")
        peer.close()
        peer = keeper.connect()
        runs = {run["token"]: run["state"] for run in keeper.first_hello["runs"]}
        assert runs["running"] == "running"
    assert keeper.process.poll() is None


NOBODY = 2**22 + 1  # above all pids
HELLO: dict[str, Any] = {
    "op": "hello", "version": 1, "pid": NOBODY, "startTicks": 1, "bootId": "x", "strays": [],
    "cgroups": False,
    "runs": [{"token": "1-1-0", "state": "running", "pid": NOBODY, "paused": False, "spawnTime": 1}],
}  # fmt: skip


def test_a_daemon_outlives_whatever_calls_itself_its_keeper(
    fresh: Callable[..., Daemon], place: Path
) -> None:
    chance = dice("daemon")
    path = place / "keeper.sock"
    with talking(path, chance) as told:
        daemon = fresh(LOCKSIDE_KEEPER__SOCKET=str(path), LOCKSIDE_POOLS__DEFAULT__SLOTS="100000")
        try:
            with Wire(daemon.socket) as wire:
                for _ in rounds(0.05, 20):
                    told.clear()
                    job = wire.shell("true", onLost="error")
                    assert told.wait(60), "the daemon does not talk to its keeper any more"
                    wire.get(job["id"])
                    wire.call("job.terminate", id=job["id"])
        finally:
            daemon.stop()  # here: the pid of this keeper is anything, and nobody may believe it
        assert not complaints(daemon.stderr())


@contextmanager
def talking(path: Path, chance: Any) -> Iterator[threading.Event]:
    """Something that listens where a keeper would and says spoilt things about whatever it is asked."""
    told = threading.Event()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        listening.bind(str(path))
        listening.listen()
        thread = threading.Thread(target=_talk, args=(listening, chance, told), daemon=True)
        thread.start()
        yield told
        listening.shutdown(socket.SHUT_RDWR)
    thread.join()


def _talk(listening: socket.socket, chance: Any, told: threading.Event) -> None:
    with suppress(OSError):
        while True:
            peer, _ = listening.accept()
            with suppress(OSError), peer, peer.makefile("rb") as lines:
                for line in lines:
                    peer.sendall(_said(json.loads(line), chance))
                    told.set()


def _said(asked: dict[str, Any], chance: Any) -> bytes:
    """An answer to what the daemon asked: sound half of the time for a greeting, so that it goes on."""
    if asked["op"] == "hello":
        hello = HELLO | {"runs": []}
        return (json.dumps(hello).encode() if chance.random() < 0.6 else spoilt_line(chance, HELLO)) + b"\n"
    token = asked.get("token", "1-1-0")
    messages: list[dict[str, Any]] = [
        {"op": "started", "token": token, "pid": NOBODY, "spawnTime": 1, "startTicks": 1},
        {
            "op": "progress",
            "token": token,
            "progress": {"progress": 0.5, "message": "x", "counts": {"error": 1}},
        },
        {"op": "log", "token": token, "seq": 3, "complete": False},
        {"op": "refused", "token": token, "kind": "program", "errno": 2, "message": "no"},
        {
            "op": "ended",
            "token": token,
            "outcome": outcome.blank(token) | {"exitCode": 0, "spawnTime": 1, "exitTime": 2},
        },
    ]
    chosen = chance.sample(messages, chance.randrange(1, len(messages) + 1))
    return b"".join(spoilt_line(chance, one) + b"\n" for one in chosen)
