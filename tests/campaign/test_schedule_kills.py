"""SIGKILL at each write and sync of a firing, and at random moments: no minute is lost or fires twice.

The schedule's ledger is compared with the existing jobs and with their own evidence.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from campaign.clocked import CLOCK, START, TIMEOUT, Clocked, kill_at_each_write, kill_at_random
from campaign.figures import Figures
from e2e.harness import Daemon
from e2e.scheduling import at, jobs_of, put
from e2e.wire import Wire

MINUTE = timedelta(minutes=1)


class Minutes(Clocked):
    """A schedule that fires every minute."""

    step = MINUTE
    counted = "moments"

    def __init__(self, daemon: Daemon, lines: Path) -> None:
        super().__init__(daemon)
        self.lines = lines
        with Wire(daemon.socket) as wire:
            text = f"echo $LOCKSIDE_SCHEDULED_TIME >> {lines}"
            wire.call("component.put", component={"id": "acme.job", "shell": text})
            put(wire, every="60s", misfire={"policy": "all", "limit": 1000}, overlap={"policy": "allow"})

    def judge(self) -> int:
        """Compare the ledger, the jobs and their evidence; returns the number of moments."""
        with Wire(self.daemon.socket) as wire:
            wire.call("clock.advance", seconds=0)
            jobs = jobs_of(wire)
            for job in jobs:
                assert wire.done(job)["status"] == "success"
            ledger = [row for page in pages(wire) for row in page]
        minutes = Counter(moment for row in ledger for moment in moments(row))
        span = int((self.now - START) / MINUTE)
        assert minutes == Counter({START + MINUTE * place: 1 for place in range(1, span + 1)})
        fired = sorted(row["moment"] for row in ledger if row["outcome"] == "fired")
        assert fired == sorted(job["schedule"]["moment"] for job in jobs)
        assert fired == sorted(self.lines.read_text().split())
        return span


def pages(wire: Wire) -> Iterator[list[dict[str, Any]]]:
    """Yield the whole ledger, page by page."""
    found = wire.call("schedule.ledger", id="s", limit=1000)
    yield found["rows"]
    while found["nextCursor"] is not None:
        found = wire.call("schedule.ledger", id="s", limit=1000, cursor=found["nextCursor"])
        yield found["rows"]


def moments(row: dict[str, Any]) -> Iterator[datetime]:
    moment, last = (datetime.fromisoformat(row[name]) for name in ("moment", "lastMoment"))
    while moment <= last:
        yield moment
        moment += MINUTE


@pytest.fixture
def minutes(place: Path) -> Iterator[Minutes]:
    with at(CLOCK) as daemon:
        yield Minutes(daemon, place / "lines")


@pytest.mark.timeout(TIMEOUT)
def test_a_daemon_killed_at_any_write_of_a_firing_fires_every_minute_once(
    minutes: Minutes, place: Path, figures: Callable[[str], Figures]
) -> None:
    kill_at_each_write(minutes, place, figures("kills in firings"))


@pytest.mark.timeout(TIMEOUT)
def test_a_daemon_killed_at_random_fires_every_minute_once(
    minutes: Minutes, figures: Callable[[str], Figures]
) -> None:
    kill_at_random(minutes, figures("random kills of schedules"), steps=3)
