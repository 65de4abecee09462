"""Ways in which processes try to escape a stop or to be taken for ended: none of them works.

Without cgroups everything depends on what can be seen of processes, which try not to be seen.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from keeper.kit import Keeper, Peer, is_alive, needs_root
from locksided.keeper.tree import hierarchy, mark

PYTHON = [sys.executable, "-I", "-S", "-c"]

HOPS = r"""
import os, signal, sys
for number in (signal.SIGTERM, signal.SIGHUP): signal.signal(number, signal.SIG_IGN)
open(sys.argv[1], "w").write("up\n")
hops = 0
while True:
    if os.fork():
        os._exit(0)
    hops += 1
    if hops % 16 == 0:
        os.setsid()
"""
"""A process that is never the same for longer than a moment, and never has a parent but the keeper."""

STORM = r"""
import os, signal, sys
for number in (signal.SIGTERM, signal.SIGCHLD): signal.signal(number, signal.SIG_IGN)
open(sys.argv[1], "w").write("up\n")
depth = 0
for _ in range(6):
    depth += 0 if os.fork() else 1
while True:
    if os.fork() == 0:
        os.setsid()
        if os.fork():
            os._exit(0)
        for _ in range(20000): pass
        os._exit(0)
    for _ in range(20000): pass
"""
"""Dozens of processes that fork and daemonise as fast as they can."""

BLANK = r"""
import ctypes, os, signal, sys
def live():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    open(sys.argv[1], "a").write(f"{os.getpid()}\n")
    signal.pause()
    while True: signal.pause()
def away(how):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            how()
        os._exit(0)
    os.wait()
def other_program():
    os.execve(sys.argv[2], [sys.argv[2], "-I", "-S", "-c",
        "import os, signal\nsignal.signal(15, signal.SIG_IGN)\n"
        f"open({sys.argv[1]!r}, 'a').write(str(os.getpid()) + chr(10))\n"
        "while True: signal.pause()"], {})
def overwritten():
    stat = open("/proc/self/stat").read().rpartition(")")[2].split()
    begin, end = int(stat[47]), int(stat[48])  # env_start, env_end
    ctypes.memset(begin, 0, end - begin)
    live()
away(other_program)
away(overwritten)
"""
"""Two daemons: one with an empty environment, one that wiped what it had. Their leader ends at once."""


@pytest.fixture
def other_run(keeper: Keeper, daemon: Peer) -> Iterator[int]:
    """Two other runs, one older and one younger than the run of the test, which must stay unharmed."""
    daemon.send(**keeper.order("sleep", "600.5", token="7-1-0"))
    yield daemon.expect("started", "7-1-0")["pid"]
    daemon.send(op="stop", token="7-1-0")
    daemon.outcome("7-1-0")


def reported(report: Path, count: int = 2) -> set[int]:
    """Read the pids that this number of processes report."""
    with open(os.open(report, os.O_RDWR), "rb", buffering=0) as pipe:  # open for writing, it never ends
        data = b""
        while data.count(b"\n") < count:
            data += pipe.read(100)
    return {int(line) for line in data.split()}


def processes_of_run(folder: Path) -> list[int]:
    """Return every living process of the machine that has the number of the run with this folder."""
    number = mark.of_folder(str(folder)).number
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdecimal():
            with suppress(OSError):
                if str(number) in Path(f"/proc/{entry}/limits").read_text() and is_alive(int(entry)):
                    found.append(int(entry))
    return found


@pytest.mark.parametrize("body", [HOPS, STORM], ids=["hops", "storm"])
@pytest.mark.parametrize("leftovers", ["stop", "wait"])
def test_processes_that_avoid_being_seen_are_killed(
    keeper: Keeper, daemon: Peer, other_run: int, tmp_path: Path, body: str, leftovers: str
) -> None:
    report = tmp_path / "report"
    os.mkfifo(report)
    order = keeper.order(*PYTHON, body, str(report), graceSeconds=0.2, leftovers=leftovers)
    daemon.send(**order)
    assert report.read_text() == "up\n"
    daemon.send(op="stop", token="1-1-0")
    outcome = daemon.outcome("1-1-0")
    assert outcome["stopped"] == "terminate"
    assert {hit["signal"] for hit in outcome["killReport"]["processes"]} >= {9}
    assert processes_of_run(keeper.folder()) == []
    assert is_alive(other_run)


def test_a_run_that_keeps_forking_is_not_taken_for_ended(
    keeper: Keeper, daemon: Peer, other_run: int
) -> None:
    """Its leader ends at once; until the limit some process of it exists almost always."""
    report = keeper.base / "report"
    os.mkfifo(report)
    order = keeper.order(*PYTHON, HOPS, str(report), graceSeconds=0.1, leftovers="wait", timeoutSeconds=1.5)
    daemon.send(**order)
    assert report.read_text() == "up\n"
    outcome = daemon.outcome("1-1-0")
    assert outcome["stopped"] == "timeout", "it was taken for ended before"
    assert processes_of_run(keeper.folder()) == []


def test_daemons_without_an_environment_are_attributed_to_their_run(
    keeper: Keeper, daemon: Peer, other_run: int, tmp_path: Path
) -> None:
    report = tmp_path / "report"
    os.mkfifo(report)
    order = keeper.order(*PYTHON, BLANK, str(report), sys.executable, graceSeconds=0.2)
    daemon.send(**order)
    pids = reported(report)
    outcome = daemon.outcome("1-1-0")
    assert {process["pid"] for process in outcome["leftovers"]} == pids
    assert {hit["pid"] for hit in outcome["killReport"]["processes"] if hit["signal"] == 9} == pids
    assert not any(map(is_alive, pids))
    assert is_alive(other_run)


def test_a_successor_also_finds_daemons_without_an_environment(
    keeper: Keeper, daemon: Peer, tmp_path: Path
) -> None:
    report = tmp_path / "report"
    os.mkfifo(report)
    order = keeper.order(*PYTHON, BLANK, str(report), sys.executable, graceSeconds=0.2, leftovers="wait")
    daemon.send(**order)
    pids = reported(report)
    daemon.expect("leftovers")
    keeper.kill()
    keeper.restart()
    again = keeper.connect()
    again.send(op="reap", token="1-1-0", folder=str(keeper.folder()), graceSeconds=0.2, stopSignal=15)
    outcome = again.outcome("1-1-0")
    assert outcome["lost"]
    assert not any(map(is_alive, pids))


MOVES = r"""
import os, signal, sys
def leave():
    open(sys.argv[2] + "/cgroup.procs", "w").write("0")
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    open(sys.argv[1], "a").write(f"{os.getpid()}\n")
    while True: signal.pause()
if os.fork() == 0:
    os.setsid()
    if os.fork():
        os._exit(0)
    leave()
os.wait()
leave() if sys.argv[3] == "leader" else os._exit(0)
"""
"""Moves itself to another cgroup, as a login does."""


@needs_root
@pytest.mark.parametrize("who", ["leader", "daemon"])
def test_a_process_that_moves_to_another_cgroup_is_stopped_with_the_rest(
    keeper: Keeper, daemon: Peer, other_run: int, tmp_path: Path, who: str
) -> None:
    found = hierarchy.find({})
    if not keeper.first_hello["cgroups"] or found is None:
        pytest.skip("there are none")
    hierarchy.remove(found)
    report = tmp_path / "report"
    os.mkfifo(report)
    elsewhere = os.path.dirname(found.unified)
    order = keeper.order(*PYTHON, MOVES, str(report), elsewhere, who, graceSeconds=0.2, leftovers="wait")
    daemon.send(**order)
    pids = reported(report, 2 if who == "leader" else 1)
    daemon.send(op="pause", token="1-1-0")
    daemon.expect("paused")
    daemon.send(op="stop", token="1-1-0")
    outcome = daemon.outcome("1-1-0")
    assert {hit["pid"] for hit in outcome["killReport"]["processes"] if hit["signal"] == 9} == pids
    assert not any(map(is_alive, pids))
    assert processes_of_run(keeper.folder()) == []
    assert is_alive(other_run)
