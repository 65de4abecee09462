"""Faults from outside: a tracer that kills a process or makes calls fail, and the points to do so."""

import math
import os
import re
import select
import shutil
import signal
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from campaign.figures import LONG
from e2e.harness import Daemon

MOST_POINTS = int(os.environ.get("LOCKSIDE_TEST_POINTS") or 100_000)
SLICE = os.environ.get("LOCKSIDE_TEST_SLICE") or "1/1"
"""`2/8` is the second of eight parts of every sweep."""


def untraceable() -> str | None:
    """Return the reason if no process can be traced here."""
    if shutil.which("strace") is None:
        return "strace is not installed"
    tried = subprocess.run(["strace", "-f", "-o", "/dev/null", "true"], capture_output=True, check=False)
    return f"strace may not trace here: {tried.stderr.decode()}" if tried.returncode else None


@dataclass(frozen=True)
class Fault:
    """A tracer that injects a fault at the k-th of these calls, or only logs the calls if there is no k.

    `what` is the rest of strace's inject expression, as in `signal=SIGKILL` or `error=ENOSPC`; `times` is the
    number of consecutive faults.
    """

    calls: str
    k: int | None
    trace: Path
    what: str = "signal=SIGKILL"
    times: int = 1

    @property
    def tracer(self) -> list[str]:
        return ["strace", "-o", str(self.trace), "-e", f"trace={self.calls}", *self._inject]

    @property
    def _inject(self) -> list[str]:
        if self.k is None:
            return []
        when = f"{self.k}" if self.times == 1 else f"{self.k}..{self.k + self.times - 1}"
        return ["-e", f"inject={self.calls}:{self.what}:when={when}"]


@contextmanager
def traced(pid: int, tracer: list[str]) -> Iterator["subprocess.Popen[bytes]"]:
    """Attach a tracer to a process; at the end the tracer is gone, and possibly the process."""
    with subprocess.Popen([*tracer, "-p", str(pid)], stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        try:
            line = process.stderr.readline()
            assert b"attached" in line, line
            yield process
        finally:
            process.terminate()


@contextmanager
def failing(pid: int, fault: Fault) -> Iterator[None]:
    """Trace all threads of a process until the fault has occurred.

    strace counts for each thread, so the same fault would occur again in every other thread.
    """
    with traced(pid, [*fault.tracer, "-f"]) as tracer:
        follow = ["tail", "--lines=+1", "--follow", str(fault.trace)]
        with subprocess.Popen(follow, stdout=subprocess.PIPE) as tail:
            threading.Thread(target=_end_when_it_came, args=(tail, tracer, fault.times)).start()
            try:
                yield
            finally:
                tail.terminate()


def _end_when_it_came(tail: "subprocess.Popen[bytes]", tracer: "subprocess.Popen[bytes]", times: int) -> None:
    assert tail.stdout is not None
    came = (line for line in tail.stdout if b"(INJECTED)" in line)
    if len(list(islice(came, times))) == times:
        tracer.terminate()


def ranges(trace: Path) -> dict[str, int]:
    """Return how often each call was made by the thread that made it most often."""
    lines = re.findall(r"^(?:(\d+) +)?(\w+)\(", trace.read_text(errors="replace"), re.MULTILINE)
    found: dict[str, int] = {}
    for (_, call), times in Counter(lines).items():
        found[call] = max(times, found.get(call, 0))
    return found


def points(found: dict[str, int], count: int, *, is_everywhere: bool = LONG) -> list[tuple[str, int]]:
    """Return the points of a fault: all in the long form, else `count` over the ranges of all calls."""
    if not is_everywhere:
        calls = sorted(found)
        step = max(1, len(calls) // count)
        turns = [(calls[turn * step % len(calls)], (turn + 0.5) / count) for turn in range(count)]
        return [(call, 1 + int(share * found[call])) for call, share in turns]
    everywhere = [(call, k) for call, last in sorted(found.items()) for k in range(1, last + 1)]
    part, parts = map(int, SLICE.split("/"))
    return everywhere[part - 1 :: parts][:: math.ceil(len(everywhere) / parts / MOST_POINTS)]


def until_logged(daemon: Daemon, text: str, after: int = 0) -> None:
    """Wait until the daemon's log contains a text `after` this number of characters."""
    while text not in daemon.stderr()[after:]:
        alive_for(daemon, 0.02)


def alive_for(daemon: Daemon, seconds: float) -> None:
    """Let the daemon work; it must not end by itself."""
    assert daemon.process is not None
    ended = os.pidfd_open(daemon.process.pid)
    try:
        assert not select.select([ended], [], [], seconds)[0], f"it ended by itself: {daemon.stderr()}"
    finally:
        os.close(ended)


def wake_ups(daemon: Daemon, pid: int, to: Path, seconds: float = 1.0) -> int:
    """Return how often a process began to wait within a second of idling."""
    with subprocess.Popen(
        ["strace", "-f", "-c", "-o", str(to), "-e", "trace=epoll_wait,epoll_pwait,futex", "-p", str(pid)],
        stderr=subprocess.PIPE,
    ) as counting:
        assert counting.stderr is not None
        assert b"attached" in counting.stderr.readline()
        alive_for(daemon, seconds)
        counting.send_signal(signal.SIGINT)
    return sum(
        int(count) for count in re.findall(r"^ *[\d.]+ +[\d.]+ +\d+ +(\d+)", to.read_text(), re.MULTILINE)
    )
