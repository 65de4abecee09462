"""SIGKILL at each write and sync while blocked jobs are tested and let go: each test is made and counts once.

What the daemon says of its tests is compared with what these wrote themselves, and with how the jobs ran.
"""

import random
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from campaign.faults import Fault, alive_for, points, ranges, traced, untraceable
from campaign.figures import LONG, Figures
from e2e.harness import Daemon, running
from e2e.processes import PATIENCE_SECONDS
from e2e.recovering import policy, until_blocked
from e2e.wire import Refusal, Wire

START = datetime(2026, 1, 5, 8, tzinfo=UTC)
PAUSE = timedelta(seconds=30)
CALLS = "pwrite64,fdatasync"
JOBS = 3
RANDOM_KILLS = 50 if LONG else 5
TIMEOUT = 36_000 if LONG else 300


class Outage:
    """Jobs that wait for a file under a daemon that is killed again and again; time goes on meanwhile."""

    def __init__(self, daemon: Daemon, place: Path) -> None:
        self.daemon = daemon
        self.door = place / "door"
        self.lines = place / "lines"
        self.now = START
        self.tests = 0
        test = {"command": ["sh", "-c", f"echo tested >> {self.lines}; test -e {self.door}"]}
        asked = policy(test, backoff="fixed", release=1, maxBlocks=1)
        with Wire(daemon.socket) as wire:
            text = f"test -e {self.door} || exit 75"
            self.jobs = [wire.shell(text, recovery=asked) for _ in range(JOBS)]
            for job in self.jobs:
                until_blocked(wire, job)

    def pass_a_pause(self) -> bool:
        """Let the pause before the next test pass, and wait for its end; false when the daemon died."""
        self.now += PAUSE
        with suppress(ConnectionError, Refusal), Wire(self.daemon.socket) as wire:
            wire.call("clock.advance", seconds=PAUSE.seconds)
            self.until_tested(wire)
            return True
        return False

    def until_tested(self, wire: Wire) -> None:
        """Return when one more test has ended."""
        wire.call("event.subscribe", kinds=["recovery.checked"])
        while len(wire.events(kinds=["recovery.checked"])) <= self.tests:
            wire.notice()
        self.tests += 1

    def start_again(self, *, is_overdue: bool = True) -> None:
        """Start the daemon at the time that it was to have reached; an overdue test is made once."""
        assert self.daemon.process is not None
        assert self.daemon.process.wait(PATIENCE_SECONDS) == -signal.SIGKILL, self.daemon.stderr()
        self.daemon.start("--test-clock", f"{self.now:%Y-%m-%dT%H:%M:%SZ}")
        if not is_overdue:
            return
        with Wire(self.daemon.socket) as wire:
            if len(wire.events(kinds=["recovery.checked"])) > self.tests:
                self.tests += 1  # it was saved before the daemon died
            else:
                self.until_tested(wire)

    def judge(self) -> int:
        """Open the door, and compare; returns how many tests there were."""
        self.door.touch()
        for _ in self.jobs:
            assert self.pass_a_pause()
        with Wire(self.daemon.socket) as wire:
            for job in self.jobs:
                ended = wire.done(job)
                assert (ended["status"], ended["starts"], ended["blockedCount"]) == ("success", 2, 1)
            told = [event["data"] for event in wire.events(kinds=["recovery.checked"])]
            assert wire.call("recovery.list")["conditions"] == []
        assert [one["checks"] for one in told] == list(range(1, len(told) + 1))
        assert sum(one["released"] for one in told) == JOBS
        assert len(self.lines.read_text().splitlines()) == len(told)
        return len(told)


@pytest.fixture
def outage(place: Path) -> Iterator[Outage]:
    with running("--test-clock", f"{START:%Y-%m-%dT%H:%M:%SZ}") as daemon:
        yield Outage(daemon, place)


@pytest.mark.timeout(TIMEOUT)
def test_a_daemon_killed_at_any_write_of_a_test_makes_each_once(
    outage: Outage, place: Path, figures: Callable[[str], Figures]
) -> None:
    if (reason := untraceable()) is not None:
        pytest.skip(reason)
    told, came = figures("kills in tests of recovery"), 0
    assert outage.daemon.process is not None
    with traced(outage.daemon.process.pid, [*Fault(CALLS, None, place / "trace").tracer, "-f"]):
        assert outage.pass_a_pause()
    for call, k in points(ranges(place / "trace"), 4):
        fault = Fault(call, k, place / "trace")
        with traced(outage.daemon.process.pid, [*fault.tracer, "-f"]):
            is_done = outage.pass_a_pause()
            if is_done:
                outage.daemon.kill()
            outage.start_again(is_overdue=not is_done)
        came += not is_done
        told.add("points")
    told.add("kills", came)
    told.add("tests", outage.judge())
    assert came, "no fault came: the sweep shows nothing"


@pytest.mark.timeout(TIMEOUT)
def test_a_daemon_killed_at_random_makes_each_test_once(
    outage: Outage, figures: Callable[[str], Figures]
) -> None:
    chance, told = random.Random(17), figures("random kills in recovery")
    for _ in range(RANDOM_KILLS):
        with Wire(outage.daemon.socket) as wire:
            wire.ask("clock.advance", seconds=PAUSE.seconds)
            outage.now += PAUSE
            alive_for(outage.daemon, chance.random() * 0.3)
            outage.daemon.kill()
        outage.start_again()
        told.add("kills")
    told.add("tests", outage.judge())
