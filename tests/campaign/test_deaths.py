"""The keeper, or keeper and daemon together, are killed at random moments; either is suspended for a while.

LOCKSIDE_TEST_LONG=1 makes many rounds, and LOCKSIDE_TEST_SEED repeats a run.
"""

import os
import random
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from campaign.faults import alive_for
from campaign.figures import LONG, Figures, in_long_form
from campaign.judge import judge
from campaign.script import Script, prepare
from campaign.sweep import SLOTS
from e2e.harness import Daemon
from e2e.processes import kill_and_wait, wait_for_end
from e2e.wire import Wire, of, until_running

ROUNDS = 10 if LONG else 1
TIMEOUT = 3600 if LONG else 300


def kill_keeper(daemon: Daemon) -> None:
    kill_and_wait(daemon.keeper_pid())


def kill_both(daemon: Daemon) -> None:
    keeper = daemon.keeper_pid()
    os.kill(keeper, signal.SIGKILL)
    daemon.kill()
    wait_for_end(keeper)
    daemon.start()


def stop_keeper(daemon: Daemon) -> None:
    with stopped(daemon.keeper_pid()):
        alive_for(daemon, 0.6)


def stop_daemon(daemon: Daemon) -> None:
    assert daemon.process is not None
    with stopped(daemon.process.pid):
        alive_for(daemon, 0.6)


def kill_beside_a_stopped_keeper(daemon: Daemon) -> None:
    """Kill the daemon; the new one finds a keeper that accepts its connection but is silent for a while."""
    with stopped(daemon.keeper_pid()):
        daemon.kill()
        daemon.start()
        alive_for(daemon, 0.3)


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """Suspend a process for the duration of the block."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@pytest.mark.timeout(TIMEOUT)
@pytest.mark.parametrize(
    ("doing", "starts", "cgroups"),
    [
        (kill_keeper, 2, "auto"),
        (kill_keeper, 2, "off"),
        pytest.param(kill_both, 2, "auto", marks=in_long_form),
        (kill_both, 2, "off"),
        (stop_keeper, 1, "auto"),
        pytest.param(stop_keeper, 1, "off", marks=in_long_form),
        pytest.param(stop_daemon, 1, "auto", marks=in_long_form),
        (stop_daemon, 1, "off"),
        (kill_beside_a_stopped_keeper, 1, "auto"),
        pytest.param(kill_beside_a_stopped_keeper, 1, "off", marks=in_long_form),
    ],
)
def test_no_job_is_lost_doubled_or_left_whichever_process_dies_or_is_suspended(
    fresh: Callable[..., Daemon],
    place: Path,
    figures: Callable[[str], Figures],
    doing: Callable[[Daemon], None],
    starts: int,
    cgroups: str,
) -> None:
    seed = int(os.environ.get("LOCKSIDE_TEST_SEED") or random.SystemRandom().randrange(10**6))
    print(f"LOCKSIDE_TEST_SEED={seed}")
    dice = random.Random(seed)
    totals = figures(f"{doing.__name__.replace('_', ' ')}, cgroups {cgroups}")
    daemon = fresh(LOCKSIDE_POOLS__DEFAULT__SLOTS=str(SLOTS), LOCKSIDE_KEEPER__CGROUPS=cgroups)
    for number in range(1, ROUNDS + 1):
        script = Script(str(number), place / f"evidence-{number}")
        with Wire(daemon.socket) as wire:
            prepare(wire, script.file)
            script.submit(wire)
        alive_for(daemon, dice.uniform(0, 0.3))
        doing(daemon)
        judge(daemon, script, starts=starts, slots=SLOTS)
        totals.add("jobs", script.jobs)
        totals.add("deaths" if "kill" in doing.__name__ else "stops")


def test_timers_that_expire_while_the_daemon_is_suspended_take_effect(fresh: Callable[..., Daemon]) -> None:
    daemon = fresh()
    wire = daemon.wire()
    limited = wire.shell("exec sleep 600", limits={"timeoutSeconds": 0.5})
    delayed = wire.shell("true", delay=0.5)
    until_running(wire, limited)
    assert daemon.process is not None
    with stopped(daemon.process.pid):
        alive_for(daemon, 1.2)
    ended = wire.done(limited)
    assert (ended["status"], ended["result"]["error"]["kind"]) == ("error", "timeout")
    assert of(wire.done(delayed), "status", "starts") == ("success", 1)


def test_a_job_that_ends_in_time_while_the_keeper_is_suspended_does_not_time_out(
    fresh: Callable[..., Daemon],
) -> None:
    daemon = fresh()
    wire = daemon.wire()
    in_time = wire.shell("sleep 0.3; exit 3", limits={"timeoutSeconds": 1})
    late = wire.shell("exec sleep 600", limits={"timeoutSeconds": 1})
    until_running(wire, in_time)
    until_running(wire, late)
    with stopped(daemon.keeper_pid()):
        queued = wire.shell("true")
        alive_for(daemon, 1.5)
        assert wire.get(queued["id"])["status"] == "processing"
    ended = wire.done(in_time)
    assert (ended["status"], ended["process"]["exitCode"]) == ("error", 3)
    assert wire.done(late)["result"]["error"]["kind"] == "timeout"
    assert of(wire.done(queued), "status", "starts") == ("success", 1)
