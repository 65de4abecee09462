"""SIGKILL at each write and sync of a firing, and at random moments: no minute is lost, none fires twice.

What the schedule's ledger says is compared with the jobs that there are and with what these wrote themselves.
"""

import random
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from campaign.faults import Fault, alive_for, points, ranges, traced, untraceable
from campaign.figures import LONG, Figures
from e2e.harness import Daemon
from e2e.processes import PATIENCE_SECONDS
from e2e.scheduling import at, jobs_of, put
from e2e.wire import Refusal, Wire

START = datetime(2026, 1, 5, 8, tzinfo=UTC)
CALLS = "pwrite64,fdatasync"
RANDOM_KILLS = 50 if LONG else 5
TIMEOUT = 36_000 if LONG else 300
MINUTE = timedelta(minutes=1)


class Minutes:
    """A schedule of every minute under a daemon that is killed again and again; time goes on meanwhile."""

    def __init__(self, daemon: Daemon, lines: Path) -> None:
        self.daemon = daemon
        self.lines = lines
        self.now = START
        with Wire(daemon.socket) as wire:
            text = f"echo $LOCKSIDE_SCHEDULED_TIME >> {lines}"
            wire.call("component.put", component={"id": "acme.job", "shell": text})
            put(wire, every="60s", misfire={"policy": "all", "limit": 1000}, overlap={"policy": "allow"})

    def pass_a_minute(self) -> bool:
        """Let a minute pass, which fires; false when the daemon died on the way."""
        self.now += MINUTE
        with suppress(ConnectionError, Refusal), Wire(self.daemon.socket) as wire:
            wire.call("clock.advance", seconds=60)
            return True
        return False

    def start_again(self) -> None:
        """Start the daemon at the time that it was to have reached."""
        assert self.daemon.process is not None
        assert self.daemon.process.wait(PATIENCE_SECONDS) == -signal.SIGKILL, self.daemon.stderr()
        self.daemon.start("--test-clock", f"{self.now:%Y-%m-%dT%H:%M:%SZ}")

    def judge(self) -> int:
        """Compare the ledger, the jobs and what they wrote; returns how many moments there were."""
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
    """The whole ledger, page by page."""
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
    with at(f"{START:%Y-%m-%dT%H:%M:%SZ}") as daemon:
        yield Minutes(daemon, place / "lines")


@pytest.mark.timeout(TIMEOUT)
def test_a_daemon_killed_at_any_write_of_a_firing_fires_every_minute_once(
    minutes: Minutes, place: Path, figures: Callable[[str], Figures]
) -> None:
    if (reason := untraceable()) is not None:
        pytest.skip(reason)
    told, came = figures("kills in firings"), 0
    assert minutes.daemon.process is not None
    with traced(minutes.daemon.process.pid, [*Fault(CALLS, None, place / "trace").tracer, "-f"]):
        assert minutes.pass_a_minute()
    for call, k in points(ranges(place / "trace"), 4):
        fault = Fault(call, k, place / "trace")
        with traced(minutes.daemon.process.pid, [*fault.tracer, "-f"]):
            is_done = minutes.pass_a_minute()
            if is_done:
                minutes.daemon.kill()
            minutes.start_again()
        came += not is_done
        told.add("points")
    told.add("kills", came)
    told.add("moments", minutes.judge())
    assert came, "no fault came: the sweep shows nothing"


@pytest.mark.timeout(TIMEOUT)
def test_a_daemon_killed_at_random_fires_every_minute_once(
    minutes: Minutes, figures: Callable[[str], Figures]
) -> None:
    chance, told = random.Random(17), figures("random kills of schedules")
    for _ in range(RANDOM_KILLS):
        with Wire(minutes.daemon.socket) as wire:
            wire.ask("clock.advance", seconds=180)
            minutes.now += 3 * MINUTE
            alive_for(minutes.daemon, chance.random() * 0.3)
            minutes.daemon.kill()
        minutes.start_again()
        told.add("kills")
    told.add("moments", minutes.judge())
