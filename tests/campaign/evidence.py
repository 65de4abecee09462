"""What jobs write about themselves: one line at their start and one at their end, appended in one write each.

The judgement is based on these lines alone, not on the daemon's answers.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

BODY = """
import os, sys, time
file, name, code, seconds, *marked = sys.argv[1:]
mark = "@" + os.environ["LOCKSIDE_START_TOKEN"] if marked else ""
def say(what):
    line = f"{what} {name}{mark} {time.clock_gettime_ns(time.CLOCK_MONOTONIC)} {os.getpid()}\\n"
    fd = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    os.write(fd, line.encode())
    os.close(fd)
say("start")
time.sleep(float(seconds))
say("end")
sys.exit(int(code))
"""

LOOK_FIRST = """
import os, sys
file, name = sys.argv[1:3]
def lives(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False
open_ones = {}
if os.path.exists(file):
    for what, other, _, pid in map(str.split, open(file)):
        open_ones[pid] = other.partition("@")[0] == name and what == "start"
if any(is_open and lives(pid) for pid, is_open in open_ones.items()):
    open(file + ".twice", "a").write(name + "\\n")
"""
"""Before a job says that it starts, it looks whether an earlier execution of itself is still there."""


@dataclass(frozen=True)
class Span:
    """One execution, by the monotonic clock; `end_ns` is None if it did not reach its end."""

    name: str
    start_ns: int
    end_ns: int | None


def command(file: Path, name: str, *, code: int = 0, seconds: float = 0.03) -> list[str]:
    """Return the arguments of a body that runs for this time and exits with this code."""
    return [sys.executable, "-I", "-S", "-c", BODY, str(file), name, str(code), str(seconds)]


def witness(file: Path, name: str, *, code: int = 0, seconds: float = 0.02) -> list[str]:
    """Return the arguments of a body that also reports an earlier execution that is still alive."""
    argv = command(file, name, code=code, seconds=seconds)
    argv[argv.index(BODY)] = LOOK_FIRST + BODY
    return argv


def with_token(argv: list[str]) -> list[str]:
    """Return the arguments of a body that appends `@` and the token of its start to its name."""
    return [*argv, "token"]


def survivors(file: Path) -> list[str]:
    """Return the jobs that found an earlier execution of themselves alive."""
    path = Path(f"{file}.twice")
    return path.read_text().split() if path.exists() else []


def spans(file: Path) -> list[Span]:
    """Return all executions in the order of their starts."""
    open_ones: dict[str, tuple[str, int]] = {}
    found: list[Span] = []
    for line in file.read_text().splitlines() if file.exists() else ():
        what, name, at, pid = line.split()
        if what == "start":
            if pid in open_ones:  # the system gave the pid of a killed process to another
                found.append(Span(*open_ones.pop(pid), None))
            open_ones[pid] = (name, int(at))
        else:
            name, start_ns = open_ones.pop(pid)
            found.append(Span(name, start_ns, int(at)))
    found += [Span(name, start_ns, None) for name, start_ns in open_ones.values()]
    return sorted(found, key=lambda span: span.start_ns)


def most_at_once(some: list[Span]) -> int:
    """Return the maximum number of spans that overlapped."""
    moments = [(span.start_ns, 1) for span in some]
    moments += [(span.end_ns, -1) for span in some if span.end_ns is not None]
    running = most = 0
    for _, step in sorted(moments):
        running += step
        most = max(most, running)
    return most
