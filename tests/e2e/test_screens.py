"""Whatever a job is named and writes, nothing but text and colours of it reaches a terminal."""

import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from e2e.harness import Daemon
from e2e.processes import PLAIN
from e2e.signs import Gate
from e2e.wire import Message, Wire, until_running

CLIENT = [sys.executable, "-m", "lockside.cli.main"]
EVIL = (
    "\x1b]0;owned\x07"  # another window title
    "\x1b[2J\x1b[H"  # a cleared screen
    "\x1b]52;c;cm0gLXJm\x07"  # a changed clipboard
    "\x1b]8;;http://evil.example\x1b\\here\x1b]8;;\x1b\\"  # a link
    "\x1b[6n\x1b[c"  # queries whose answers a terminal sends as if they had been typed
    "\x1bP$q\x1b\\\x9b2J\x9d0;x\x9c"  # the same with other introducers
    "\x1b[8mconcealed\x08\x08\x7f"
    "\u202etxt.exe"  # text shown in the opposite direction
)
SHORT = "\x1b]0;owned\x07\x1b[6n\x9b2J\x08\x7f\u202etxt"
COLOUR = re.compile("\x1b\\[[0-9;]*m")
DRAWN_ANEW = re.compile("\r(?:\x1b\\[1A\x1b\\[2K)+")
"""The client's own control sequences: it moves back over the lines at the bottom that it redraws."""
NOT_A_LETTER = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@pytest.fixture(scope="module")
def hostile(daemon: Daemon) -> Iterator[tuple[Message, Message]]:
    """A failed job with all of these in its log and message, and a job that waits for another."""
    with Wire(daemon.socket) as wire:
        texts = {"name": f"n{SHORT}", "description": f"d{EVIL}", "labels": {f"l{SHORT}": f"v{EVIL}"}}
        parameters = {"shell": f"printf '%s\\0' '{EVIL}'; printf '%s\\0' '{EVIL}' >&2; exit 1"}
        failed = wire.done(wire.create(configData={"parameters": parameters}, **texts))
        gate = Gate(daemon.folder, "evil")
        blocking = wire.shell(gate.text, lockKey=f"k{EVIL}", **texts)
        until_running(wire, blocking)
        waiting = wire.shell("true", lockKey=f"k{EVIL}", **texts)
        wire.call("job.hold", id=waiting["id"])
        yield failed, waiting
        gate.open()
        wire.call("job.terminate", id=waiting["id"])
        wire.done(blocking)


def on_a_terminal(daemon: Daemon, *words: str, **more: str) -> str:
    """Return what a command writes to a terminal that is both its stdout and its stderr."""
    ours, theirs = pty.openpty()
    environment = {**PLAIN, "LOCKSIDE_SOCKET": str(daemon.socket), "TERM": "xterm-256color", **more}
    with subprocess.Popen(
        [*CLIENT, *words], stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs, env=environment
    ):
        os.close(theirs)
        seen = b""
        with suppress(OSError):  # the kernel reports the end of a terminal like this
            while piece := os.read(ours, 65536):
                seen += piece
    os.close(ours)
    return DRAWN_ANEW.sub("", seen.decode().replace("\r\n", "\n"))


COMMANDS = [
    ("ls", "-a"),
    ("ls", "--tree"),
    ("ls", "--json"),
    ("status",),
    ("timeline", "FAILED"),
    ("logs", "--times", "FAILED", "WAITING"),
    ("logs", "--grep", "owned", "FAILED"),
    ("ls", "--plain"),
    ("show", "FAILED"),
    ("show", "WAITING"),
    ("show", "FAILED", "--json"),
    ("why", "WAITING"),
    ("why", "WAITING", "--json"),
    ("logs", "FAILED"),
    ("logs", "FAILED", "--plain"),
    ("logs", "FAILED", "--times"),
    ("logs", "FAILED", "-n", "5"),
    ("logs", "FAILED", "--json"),
    ("logs", "-f", "FAILED"),
    ("events", "--limit", "500"),
    ("events", "--json"),
    ("wait", "FAILED"),
    ("kill", "--dry-run", "WAITING"),
    ("retry", "WAITING"),
    ("run", "--dry-run", "--name", "SHORT", "--", "true"),
    ("run", "EVIL/x"),
    ("show", "EVIL/x"),
    ("EVIL",),
]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("no_color", ["", "1"])
def test_no_text_of_a_job_can_control_a_terminal(
    daemon: Daemon, hostile: tuple[Message, Message], words: tuple[str, ...], no_color: str
) -> None:
    failed, waiting = hostile
    stands_for = {"FAILED": failed["id"], "WAITING": waiting["id"], "SHORT": SHORT, "EVIL/x": f"{EVIL}/x"}
    given = [stands_for.get(word, word).replace("EVIL", EVIL) for word in words]
    seen = on_a_terminal(daemon, *given, **({"NO_COLOR": no_color} if no_color else {}))
    assert seen, "the command printed nothing"
    assert "8m" not in "".join(COLOUR.findall(seen))
    assert NOT_A_LETTER.findall(COLOUR.sub("", seen)) == []
    if no_color:
        assert not COLOUR.findall(seen)


def test_colours_of_a_log_are_kept_and_reset_at_its_end(daemon: Daemon, wire: Wire) -> None:
    job = wire.done(wire.shell(r"printf '\033[1;38;5;196mred\na 10%%\ra 20%%\n'"))
    seen = on_a_terminal(daemon, "logs", job["id"])
    assert "\x1b[1;38;5;196mred" in seen
    assert "196mred\x1b[0m\na 20%\n" in seen, "only the last state of a redrawn line is shown"


def test_output_to_a_file_is_exactly_what_the_job_wrote(
    daemon: Daemon, hostile: tuple[Message, Message], tmp_path: Path
) -> None:
    with open(tmp_path / "out", "wb") as out, open(tmp_path / "err", "wb") as err:
        subprocess.run(
            [*CLIENT, "logs", hostile[0]["id"]],
            stdout=out,
            stderr=err,
            env={**PLAIN, "LOCKSIDE_SOCKET": str(daemon.socket)},
            check=True,
        )
    for name in ("out", "err"):
        assert (tmp_path / name).read_bytes() == EVIL.encode() + b"\0", name
