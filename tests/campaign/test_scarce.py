"""Processes or descriptors run out, or no keeper can start: the daemon reports it, waits and recovers."""

import errno
import os
import resource
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from campaign.faults import Fault, alive_for, traced, untraceable, wake_ups
from e2e.harness import Daemon
from e2e.signs import Gate
from e2e.wire import Message, Refusal, Wire, of, put_component, until_running

traceable = pytest.mark.skipif(untraceable() is not None, reason=str(untraceable()))
SPINNING = 1000
"""Waits begun in a second: a loop that spins begins many thousands."""

FORKS = "clone,clone3,fork,vfork"


def reason(daemon: Daemon, wire: Wire, job: Message, kind: str, says: str = "") -> Message:
    """Wait for a reason of a job and return it."""
    while True:
        for one in wire.explain(job):
            if one["kind"] == kind and says in one["cause"]:
                return one
        alive_for(daemon, 0.02)


@traceable
def test_when_the_system_refuses_processes_jobs_wait_with_a_reason_and_run_later(
    fresh: Callable[..., Daemon], place: Path
) -> None:
    daemon = fresh()
    wire = daemon.wire()
    fault = Fault(FORKS, 1, place / "trace", "error=EAGAIN", times=60_000)
    with traced(daemon.keeper_pid(), fault.tracer):
        jobs = [wire.shell("exit 3") for _ in range(3)]
        found = reason(daemon, wire, jobs[0], "no_executor")
        assert "temporarily unavailable" in found["cause"]
        again = reason(daemon, wire, jobs[2], "no_executor")
        assert again["since"] <= found["since"] or again["cause"] == found["cause"]
        assert daemon.process is not None
        assert wake_ups(daemon, daemon.process.pid, place / "counts") < SPINNING
        refused = (place / "trace").read_text().count("EAGAIN")
        assert refused < 10, f"{refused} tries in a moment"
        assert [wire.get(job["id"])["starts"] for job in jobs] == [0, 0, 0]
    for job in jobs:
        ended = wire.done(job)
        assert (ended["status"], ended["process"]["exitCode"], ended["starts"]) == ("error", 3, 1)


@traceable
def test_a_daemon_that_gets_no_threads_fails_no_job_for_it(fresh: Callable[..., Daemon], place: Path) -> None:
    daemon = fresh(LOCKSIDE_POOLS__DEFAULT__SLOTS="8")
    wire = daemon.wire()
    assert daemon.process is not None
    put_component(wire, "acme.some", shell="exit 4")
    for number in range(8):
        wire.call("config.put", component="acme.some", config=f"c{number}")
    fault = Fault("clone,clone3", 1, place / "trace", "error=EAGAIN", times=60_000)
    jobs: list[Message] = []
    with traced(daemon.process.pid, [*fault.tracer, "-f"]):
        while "EAGAIN" not in (place / "trace").read_text():
            alive_for(daemon, 0.02)
            with unless_without_threads():
                if all(wire.get(job["id"])["isFinished"] for job in jobs[-8:]):
                    jobs.extend(wire.create("acme.some", config=f"c{number}") for number in range(8))
    jobs = jobs or [wire.create("acme.some", config="c0")]
    for job in jobs:
        ended = wire.done(job)
        assert (ended["process"]["exitCode"], ended["starts"]) == (4, 1)
        assert ended["result"]["error"]["kind"] == "exit", ended["result"]


@contextmanager
def unless_without_threads() -> Iterator[None]:
    """Ignore the refusal of a call that itself needs a thread: it changes nothing and can be repeated."""
    try:
        yield
    except Refusal as refusal:
        if refusal.data.get("cause") != "the system has no thread left":
            raise


@contextmanager
def descriptors(pid: int, spare: int) -> Iterator[None]:
    """Limit how many more files a process can open, for the duration of the block."""
    used = {int(fd) for fd in os.listdir(f"/proc/{pid}/fd")}
    free = [fd for fd in range(max(used) + spare + 2) if fd not in used]
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (free[spare], before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)


@contextmanager
def flood(daemon: Daemon, connections: int) -> Iterator[None]:
    """Open this number of silent connections; each that the daemon accepts takes one of its descriptors."""
    with ExitStack() as stack:
        for _ in range(connections):
            one = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
            one.setblocking(False)
            with suppress(BlockingIOError):
                one.connect(str(daemon.socket))
        yield


@traceable
def test_a_daemon_without_descriptors_serves_its_connections_and_does_not_spin(
    fresh: Callable[..., Daemon], place: Path, gate: Gate
) -> None:
    daemon = fresh()
    wire = daemon.wire()
    running = wire.shell(f"{gate.text}; exit 3")
    until_running(wire, running)
    assert daemon.process is not None
    with descriptors(daemon.process.pid, spare=8), flood(daemon, 40):
        assert wire.call("daemon.status")["store"]["isWritable"] is True
        assert wake_ups(daemon, daemon.process.pid, place / "counts") < SPINNING
        job = wire.shell("exit 4")
        gate.open()
        assert wire.get(job["id"])["status"] in ("created", "processing", "error")
    ended = wire.done(running)
    assert (ended["status"], ended["process"]["exitCode"]) == ("error", 3)
    ended = wire.done(job)
    assert (ended["process"]["exitCode"], ended["starts"]) == (4, 1), ended["result"]
    with Wire(daemon.socket) as another:
        assert another.done(another.shell("true"))["status"] == "success"


@traceable
@pytest.mark.parametrize("cgroups", ["auto", "off"])
def test_a_keeper_without_descriptors_keeps_and_stops_its_runs_and_starts_others_later(
    fresh: Callable[..., Daemon], place: Path, gate: Gate, cgroups: str
) -> None:
    daemon = fresh(LOCKSIDE_KEEPER__CGROUPS=cgroups)
    wire = daemon.wire()
    running = wire.shell(f"{gate.text}; exit 3")
    until_running(wire, running)
    stubborn = wire.shell("trap '' TERM; while :; do setsid sleep 600; done")
    until_running(wire, stubborn)
    keeper = daemon.keeper_pid()
    with descriptors(keeper, spare=0):
        job = wire.shell("exit 4")
        assert os.strerror(errno.EMFILE) in reason(daemon, wire, job, "no_executor")["cause"]
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as another:
            another.connect(str(next(daemon.state_dir.glob("keeper/*.sock"))))
            assert wake_ups(daemon, keeper, place / "counts") < SPINNING
        daemon.kill()
        daemon.start()
        wire = daemon.wire()
        wire.call("job.terminate", id=stubborn["id"])
        ended = wire.done(stubborn)
        assert ended["status"] == "terminated"
        assert {one["name"] for one in ended["killReport"]["processes"]} >= {"sh", "sleep"}
        assert wire.get(running["id"])["status"] == "processing"
        gate.open()
    ended = wire.done(running)
    assert (ended["process"]["exitCode"], ended["starts"]) == (3, 1), ended["result"]
    ended = wire.done(job)
    assert (ended["process"]["exitCode"], ended["starts"]) == (4, 1), ended["result"]
    assert daemon.keeper_pid() == keeper, "the keeper died of it"


def end_keeper(daemon: Daemon, wire: Wire) -> None:
    """Kill the keeper, and wait until the daemon notices."""
    os.kill(daemon.keeper_pid(), signal.SIGKILL)
    while wire.call("daemon.status")["keeper"]["isConnected"]:
        alive_for(daemon, 0.02)


def test_a_keeper_that_cannot_start_is_reported_with_the_reason_and_started_later(
    fresh: Callable[..., Daemon],
) -> None:
    daemon = fresh()
    keepers = daemon.state_dir / "keeper"
    aside = daemon.state_dir / "keeper.aside"
    keepers.rename(aside)
    keepers.write_text("in the way")
    wire = daemon.wire()
    end_keeper(daemon, wire)
    job = wire.shell("true")
    found = reason(daemon, wire, job, "no_executor", "keeper")
    assert str(keepers) in found["cause"]
    assert "Not a directory" in found["cause"] or "File exists" in found["cause"]
    assert wire.call("daemon.status")["keeper"]["isConnected"] is False
    keepers.unlink()
    aside.rename(keepers)
    assert of(wire.done(job), "status", "starts") == ("success", 1)


@traceable
def test_a_keeper_that_cannot_be_forked_is_forked_later(fresh: Callable[..., Daemon], place: Path) -> None:
    daemon = fresh()
    wire = daemon.wire()
    assert daemon.process is not None
    fault = Fault(FORKS, 1, place / "trace", "error=EAGAIN", times=60_000)
    with traced(daemon.process.pid, [*fault.tracer, "-f"]):
        end_keeper(daemon, wire)
        job = wire.shell("true")
        reason(daemon, wire, job, "no_executor", "temporarily unavailable")
    assert of(wire.done(job), "status", "starts") == ("success", 1)


def test_a_keeper_that_ends_at_its_start_says_why(fresh: Callable[..., Daemon]) -> None:
    daemon = fresh()
    keepers = daemon.state_dir / "keeper"
    wire = daemon.wire()
    for path in keepers.glob("*.lock"):
        path.unlink()
        path.mkdir()
    end_keeper(daemon, wire)
    job = wire.shell("true")
    found = reason(daemon, wire, job, "no_executor", "ended at its start")
    assert "Is a directory" in found["cause"], "the reason itself, not only where to look for it"
    for path in keepers.glob("*.lock"):
        path.rmdir()
    assert of(wire.done(job), "status", "starts") == ("success", 1)
