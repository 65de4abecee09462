"""Runs a session at a real terminal against a real daemon, and gives it as the text that stood on the screen.

What differs from run to run (times, durations, sizes, pids, ids nobody chose) is made alike by `alike`, for
comparing only.
"""

import fcntl
import getpass
import os
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pyte

from e2e.harness import LAKE, SETTINGS, short_folder
from e2e.processes import PATIENCE_SECONDS, PLAIN, end_keeper, processes_of, stop_and_wait
from e2e.wire import Wire, until_running

COLUMNS, LINES = 100, 50
PAGE = (1000, 2000)  # the screen that is read afterwards: nothing is wrapped and nothing scrolls out of it
PROMPT = "$ "


class Terminal:
    """A home of its own and a screen. Whatever was started in it is ended by `end`."""

    def __init__(self, home: Path) -> None:
        self.home = home
        state = home / ".local" / "state"
        state.mkdir(parents=True)
        self.socket = state / "lockside" / "lockside.sock"
        self._notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._notices.bind(str(home / ".ready"))
        self._environment = {
            "NOTIFY_SOCKET": str(home / ".ready"),
            **PLAIN,
            **SETTINGS,
            **LAKE,
            "PATH": f"{Path(sys.executable).parent}:{PLAIN['PATH']}",
            "HOME": str(home),
            "XDG_STATE_HOME": str(state),
            "LOCKSIDE_SOCKET": str(self.socket),
            "TERM": "xterm",
            "NO_COLOR": "1",
            "TZ": "UTC",
        }

    def type(self, command: str, columns: int = COLUMNS) -> str:
        """Run a command line and give what then stands on the screen."""
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, columns, 0, 0))
        screen = pyte.Screen(*PAGE)
        stream = pyte.ByteStream(screen)
        with subprocess.Popen(
            ["bash", "--norc", "-c", command],
            stdin=subprocess.DEVNULL,
            stdout=theirs,
            stderr=theirs,
            env=self._environment,
            cwd=self.home,
            start_new_session=True,
        ):
            os.close(theirs)
            with suppress(OSError):  # the kernel's word for the end of a terminal
                while piece := os.read(ours, 65536):
                    stream.feed(piece)
        os.close(ours)
        seen = "\n".join(_lines(screen)).rstrip("\n").replace(str(self.home), "~")
        return re.sub(rf"\b{re.escape(getpass.getuser())}\b", "ann", seen)

    def until(self, what: str) -> None:
        """Wait for what the next command stands on: `ready`, `running JOB` or `ended JOB`."""
        word, _, job = what.partition(" ")
        if word == "ready":
            self._until_ready()
            return
        with Wire(self.socket) as wire:
            if word == "running":
                until_running(wire, {"id": job})
            else:
                wire.done(job)

    def _until_ready(self) -> None:
        """Wait for the daemon's own notice."""
        assert select.select([self._notices], [], [], PATIENCE_SECONDS)[0], "no daemon gets ready"
        assert b"READY=1" in self._notices.recv(4096)

    def end(self) -> None:
        """End the daemon, its keeper and all that they started."""
        self._notices.close()
        with suppress(OSError):
            with Wire(self.socket) as wire:
                status = wire.call("daemon.status")
            stop_and_wait(status["pid"])
            if status["keeper"]["pid"]:
                stop_and_wait(status["keeper"]["pid"])
        for path in self.socket.parent.glob("keeper/*.sock"):
            end_keeper(path)
        for pid in processes_of(self.home):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _lines(screen: pyte.Screen) -> Iterator[str]:
    """What stands on the screen; only as much of it as was ever written."""
    for row in range(max(screen.buffer, default=-1) + 1):
        cells = screen.buffer[row]
        yield "".join(cells[column].data for column in range(max(cells, default=-1) + 1)).rstrip()


@contextmanager
def terminal() -> Iterator[Terminal]:
    """A terminal in a home that is gone afterwards."""
    with short_folder() as folder:
        made = Terminal(folder / "home")
        try:
            yield made
        finally:
            made.end()


def record(steps: Sequence[str], at: Terminal) -> str:
    """Go through a session: what begins with `$ ` is typed, with `@` waited for; all else is told."""
    told = []
    for step in steps:
        if step.startswith("@"):
            at.until(step[1:])
        elif step.startswith(PROMPT):
            shown = at.type(step.removeprefix(PROMPT))
            told.append(f"{step}\n{shown}\n" if shown else f"{step}\n")
        else:
            told.append(f"\n# {step}\n")
    return "".join(told).lstrip("\n")


_ALIKE = [
    (r"socket\s+~", "socket ~"),  # where the line breaks depends on how long the pid is
    (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z?", "<time>"),
    (r"\d\d:\d\d:\d\d(\.\d+)?", "<time>"),
    (r"\b\d+(\.\d+)? (ms|s|min|h|d)\b( \d+ (s|min|h)\b)?", "<span>"),
    (r"\b\d+(\.\d+)? ?(B|kB|MB|GB)\b", "<size>"),
    (r"by (cgroup|scan)\b", "by <proof>"),
    (r"(processes of job \d+): .*", r"\1: <processes>"),
    (r"\b(pid|process) \d+", r"\1 <pid>"),
    (r"(?<=\w )\(\d{3,}\)", "(<pid>)"),
    (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "<uuid>"),
    (r"\b(?=[0-9a-f]*\d)[0-9a-f]{8}\b", "<key>"),
    (r"(lockside|Python) \d+\.\d+\.\d+", r"\1 <version>"),
    (r"[━─╸╺█░▏▎▍▌▋▊▉#=]{3,}", "<bar>"),
    (r" {2,}", "  "),
    (r"(?m)  (?:(?!  ).)*…$", "  <cut>"),
]


def alike(text: str) -> str:
    """The text with everything made alike that no two runs have in common."""
    for pattern, word in _ALIKE:
        text = re.sub(pattern, word, text)
    return "\n".join(line.strip() for line in text.splitlines())
