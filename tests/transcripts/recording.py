"""Runs a session on a real terminal with a real daemon, and returns the text that was on the screen.

`alike` normalises what differs from run to run (times, durations, sizes, pids, generated ids), only for
comparing.
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
from e2e.wire import Wire, until_running, wait_until

COLUMNS, LINES = 100, 50
PAGE = (1000, 2000)  # the screen that is read afterwards: it neither wraps nor scrolls
PROMPT = "$ "


class Terminal:
    """A home directory and a screen. `end` ends everything that was started there."""

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
        """Run a command line and return what is on the screen afterwards."""
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
            with suppress(OSError):  # the kernel reports the end of a terminal like this
                while piece := os.read(ours, 65536):
                    stream.feed(piece)
        os.close(ours)
        seen = "\n".join(_lines(screen)).rstrip("\n").replace(str(self.home), "~")
        return re.sub(rf"\b{re.escape(getpass.getuser())}\b", "ann", seen)

    def until(self, what: str) -> None:
        """Wait for what the next command needs: `ready`, or `running JOB`, `blocked JOB`, `ended JOB`."""
        word, _, job = what.partition(" ")
        if word == "ready":
            self._until_ready()
            return
        with Wire(self.socket) as wire:
            if word == "running":
                until_running(wire, {"id": job})
            elif word == "blocked":
                wait_until(wire, {"id": job}, lambda view: bool(view["result"]["error"]))
            else:
                wire.done(job)

    def _until_ready(self) -> None:
        """Wait until the daemon reports ready."""
        assert select.select([self._notices], [], [], PATIENCE_SECONDS)[0], "no daemon became ready"
        assert b"READY=1" in self._notices.recv(4096)

    def end(self) -> None:
        """End the daemon, its keeper and everything that they started."""
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
    """Return the lines of the screen, up to the last one ever written."""
    for row in range(max(screen.buffer, default=-1) + 1):
        cells = screen.buffer[row]
        yield "".join(cells[column].data for column in range(max(cells, default=-1) + 1)).rstrip()


@contextmanager
def terminal() -> Iterator[Terminal]:
    """A terminal with a home directory that is removed afterwards."""
    with short_folder() as folder:
        made = Terminal(folder / "home")
        try:
            yield made
        finally:
            made.end()


def record(steps: Sequence[str], at: Terminal) -> str:
    """Run a session: lines with `$ ` are typed, `@` waits; all others are narration."""
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
    (r"socket\s+~", "socket ~"),  # the position of the line break depends on the length of the pid
    (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z?", "<time>"),
    (r"\d\d:\d\d:\d\d(\.\d+)?", "<time>"),
    (r"\b\d+(\.\d+)? (ms|s|min|h|d)\b( \d+ (s|min|h)\b)?", "<span>"),
    (r"\b\d+(\.\d+)? ?(B|kB|MB|GB)\b", "<size>"),
    (r"by (cgroup|scan)\b", "by <proof>"),
    (r"(processes of job \d+): .*", r"\1: <processes>"),
    (r"\b(pid|process) \d+", r"\1 <pid>"),
    (r"(?<=\w )\(\d{3,}\)", "(<pid>)"),
    (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "<uuid>"),
    (r"\b(?=[0-9a-f]*\d)[0-9a-f]{8}([0-9a-f]{8})?\b", "<key>"),
    (r"(lockside|Python) \d+\.\d+\.\d+", r"\1 <version>"),
    (r"[━─╸╺█░▏▎▍▌▋▊▉#=]{3,}", "<bar>"),
    (r" {2,}", "  "),
    (r"(?m)  (?:(?!  ).)*…$", "  <cut>"),
]


def alike(text: str) -> str:
    """Return the text with everything normalised that differs from run to run."""
    for pattern, word in _ALIKE:
        text = re.sub(pattern, word, text)
    return "\n".join(line.strip() for line in text.splitlines())
