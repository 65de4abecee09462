"""Faults from outside: a tracer that kills or lets calls fail, and where in a program to do so."""

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
    """Why nothing can be traced here, if so."""
    if shutil.which("strace") is None:
        return "strace is not installed"
    tried = subprocess.run(["strace", "-f", "-o", "/dev/null", "true"], capture_output=True, check=False)
    return f"strace may not trace here: {tried.stderr.decode()}" if tried.returncode else None


@dataclass(frozen=True)
class Fault:
    """A tracer that does this at the k-th of these calls, or that just writes them down when there is no k.

    `what` is the rest of strace's inject expression, as in `signal=SIGKILL` or `error=ENOSPC`; `times` how
    often in a row.
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
    """A process under a tracer that was attached to it; the tracer is gone at the end, the process maybe."""
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
    """All threads of a process under the tracer, until the fault has come.

    strace counts for each thread, so the same fault would come again in every other one.
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
    """How often each call was made by the thread that made it most."""
    lines = re.findall(r"^(?:(\d+) +)?(\w+)\(", trace.read_text(errors="replace"), re.MULTILINE)
    found: dict[str, int] = {}
    for (_, call), times in Counter(lines).items():
        found[call] = max(times, found.get(call, 0))
    return found


def points(found: dict[str, int], count: int, *, is_everywhere: bool = LONG) -> list[tuple[str, int]]:
    """Where to do it: everywhere in the long form, else so often, over all calls and their whole ranges."""
    if not is_everywhere:
        calls = sorted(found)
        step = max(1, len(calls) // count)
        turns = [(calls[turn * step % len(calls)], (turn + 0.5) / count) for turn in range(count)]
        return [(call, 1 + int(share * found[call])) for call, share in turns]
    everywhere = [(call, k) for call, last in sorted(found.items()) for k in range(1, last + 1)]
    part, parts = map(int, SLICE.split("/"))
    return everywhere[part - 1 :: parts][:: math.ceil(len(everywhere) / parts / MOST_POINTS)]


def until_logged(daemon: Daemon, text: str, after: int = 0) -> None:
    """Let it work until its log says so, `after` so many characters."""
    while text not in daemon.stderr()[after:]:
        alive_for(daemon, 0.02)


def alive_for(daemon: Daemon, seconds: float) -> None:
    """Let it work; it must not end by itself."""
    assert daemon.process is not None
    ended = os.pidfd_open(daemon.process.pid)
    try:
        assert not select.select([ended], [], [], seconds)[0], f"it ended by itself: {daemon.stderr()}"
    finally:
        os.close(ended)


def wake_ups(daemon: Daemon, pid: int, to: Path, seconds: float = 1.0) -> int:
    """How often a process began to wait within a second of having nothing to do."""
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
