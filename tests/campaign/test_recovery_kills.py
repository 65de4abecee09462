"""SIGKILL at each write and sync while blocked jobs are tested and released: each test runs and counts once.

The daemon's answers about its tests are compared with the tests' own evidence and with the jobs' runs.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from campaign.clocked import CLOCK, TIMEOUT, Clocked, kill_at_each_write, kill_at_random
from campaign.figures import Figures
from e2e.harness import Daemon, running
from e2e.recovering import policy, until_blocked
from e2e.wire import Wire

JOBS = 3


class Outage(Clocked):
    """Jobs that wait for a file; the pause before the next test is a step."""

    step = timedelta(seconds=30)
    counted = "tests"

    def __init__(self, daemon: Daemon, place: Path) -> None:
        super().__init__(daemon)
        self.door = place / "door"
        self.lines = place / "lines"
        self.tests = 0
        test = {"command": ["sh", "-c", f"echo tested >> {self.lines}; test -e {self.door}"]}
        asked = policy(test, backoff="fixed", release=1, maxBlocks=1)
        with Wire(daemon.socket) as wire:
            text = f"test -e {self.door} || exit 75"
            self.jobs = [wire.shell(text, recovery=asked) for _ in range(JOBS)]
            for job in self.jobs:
                until_blocked(wire, job)

    def until_done(self, wire: Wire) -> None:
        """Return when a further test has ended."""
        wire.call("event.subscribe", kinds=["recovery.checked"])
        while len(wire.events(kinds=["recovery.checked"])) <= self.tests:
            wire.notice()
        self.tests += 1

    def start_again(self, *, is_overdue: bool = True) -> None:
        """Start the daemon at the time that it should have reached; an overdue test is made once."""
        super().start_again()
        if not is_overdue:
            return
        with Wire(self.daemon.socket) as wire:
            if len(wire.events(kinds=["recovery.checked"])) > self.tests:
                self.tests += 1  # the test was saved before the daemon died
            else:
                self.until_done(wire)

    def judge(self) -> int:
        """Create the file that the jobs wait for, and compare; returns the number of tests."""
        self.door.touch()
        for _ in self.jobs:
            assert self.pass_a_step()
        with Wire(self.daemon.socket) as wire:
            for job in self.jobs:
                ended = wire.done(job)
                assert (ended["status"], ended["starts"], ended["blockedCount"]) == ("success", 2, 1)
            totals = [event["data"] for event in wire.events(kinds=["recovery.checked"])]
            assert wire.call("recovery.list")["conditions"] == []
        assert [one["checks"] for one in totals] == list(range(1, len(totals) + 1))
        assert sum(one["released"] for one in totals) == JOBS
        assert len(self.lines.read_text().splitlines()) == len(totals)
        return len(totals)


@pytest.fixture
def outage(place: Path) -> Iterator[Outage]:
    with running("--test-clock", CLOCK) as daemon:
        yield Outage(daemon, place)


@pytest.mark.timeout(TIMEOUT)
def test_a_daemon_killed_at_any_write_of_a_test_makes_each_once(
    outage: Outage, place: Path, figures: Callable[[str], Figures]
) -> None:
    kill_at_each_write(outage, place, figures("kills in tests of recovery"))


@pytest.mark.timeout(TIMEOUT)
def test_a_daemon_killed_at_random_makes_each_test_once(
    outage: Outage, figures: Callable[[str], Figures]
) -> None:
    kill_at_random(outage, figures("random kills in recovery"))
