"""SIGKILL at the k-th system call, for k over the whole range: of the daemon at work, of the daemon in
recovery, of the keeper. Afterwards the jobs' own evidence is compared with the daemon's answers and with
the answers that the client received.

The daemon at work and the keeper are traced by pid, without their children. The daemon in recovery is traced
from its exec and finds the keeper of an earlier daemon. strace counts each call for each thread, so each call
is swept over the range of its busiest thread. The short form takes a few points of each sweep;
LOCKSIDE_TEST_LONG=1 takes every k, LOCKSIDE_TEST_POINTS limits the points of a sweep, and
LOCKSIDE_TEST_SLICE=2/8 takes the second of eight parts.
"""

import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from campaign.faults import Fault, traced, untraceable
from campaign.figures import LONG, Figures
from campaign.script import Script
from campaign.sweep import SLOTS, Doing, Sweep
from e2e.harness import Daemon
from e2e.processes import PATIENCE_SECONDS, is_alive
from e2e.wire import Wire

CALLS = "pwrite64,fdatasync,fsync,write,sendto,sendmsg,symlink,linkat,mkdir,rename"
TIMEOUT = 36_000 if LONG else 300


def kill_at_work(daemon: Daemon, script: Script, fault: Fault) -> bool:
    """Kill the daemon while it runs the script; returns whether it reached the point."""
    assert daemon.process is not None
    with traced(daemon.process.pid, [*fault.tracer, "-f"]):
        is_done = script.run(daemon)
        if is_done:
            daemon.kill()
        assert daemon.process.wait(PATIENCE_SECONDS) == -signal.SIGKILL, daemon.stderr()
    daemon.start()
    return not is_done


def kill_at_recovery(daemon: Daemon, script: Script, fault: Fault) -> bool:
    """Kill the daemon in the middle of its work, and the next one during its recovery."""
    with Wire(daemon.socket) as wire:
        script.submit(wire)
    daemon.kill()
    is_done = False
    with suppress(AssertionError):  # it may die before it is ready
        daemon.start(before=[*fault.tracer, "-f", "-D"])
        is_done = script.run(daemon)
    assert daemon.process is not None
    if is_done:
        daemon.kill()
    assert daemon.process.wait(PATIENCE_SECONDS) == -signal.SIGKILL, daemon.stderr()
    daemon.start()
    return not is_done


def kill_keeper(daemon: Daemon, script: Script, fault: Fault) -> bool:
    """Kill the keeper; the daemon starts another and continues."""
    keeper = daemon.keeper_pid()
    with traced(keeper, fault.tracer):
        assert script.run(daemon), daemon.stderr()
    return not is_alive(keeper)


@pytest.fixture
def sweep(
    fresh: Callable[..., Daemon], place: Path, figures: Callable[[str], Figures]
) -> Callable[..., Sweep]:
    """Creates sweeps over a daemon of this test alone."""
    if (reason := untraceable()) is not None:
        pytest.skip(reason)

    def make(doing: Doing, campaign: str, *, cgroups: str = "auto", starts: int = 1) -> Sweep:
        daemon = fresh(LOCKSIDE_POOLS__DEFAULT__SLOTS=str(SLOTS), LOCKSIDE_KEEPER__CGROUPS=cgroups)
        return Sweep(daemon, place, doing, figures(campaign), starts)

    return make


@pytest.mark.timeout(TIMEOUT)
def test_a_daemon_killed_at_any_call_loses_and_doubles_nothing(sweep: Callable[..., Sweep]) -> None:
    sweep(kill_at_work, "kill sweep, daemon at work").run(CALLS, 5)


@pytest.mark.timeout(TIMEOUT)
def test_a_daemon_killed_while_it_recovers_loses_and_doubles_nothing(sweep: Callable[..., Sweep]) -> None:
    sweep(kill_at_recovery, "kill sweep, daemon in recovery").run(CALLS, 2)


@pytest.mark.timeout(TIMEOUT)
@pytest.mark.parametrize("cgroups", ["auto", "off"])
def test_a_keeper_killed_at_any_call_never_lets_a_job_run_twice_at_once(
    sweep: Callable[..., Sweep], cgroups: str
) -> None:
    sweep(kill_keeper, f"kill sweep, keeper, cgroups {cgroups}", cgroups=cgroups, starts=2).run(CALLS, 3)
