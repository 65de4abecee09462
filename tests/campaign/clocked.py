"""A daemon with a test clock that is killed at each write or at random, while time passes."""

import random
import signal
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from campaign.faults import Fault, alive_for, points, ranges, traced, untraceable
from campaign.figures import LONG, Figures
from e2e.harness import Daemon
from e2e.processes import PATIENCE_SECONDS
from e2e.wire import Refusal, Wire

START = datetime(2026, 1, 5, 8, tzinfo=UTC)
CLOCK = f"{START:%Y-%m-%dT%H:%M:%SZ}"
CALLS = "pwrite64,fdatasync"
RANDOM_KILLS = 50 if LONG else 3
TIMEOUT = 36_000 if LONG else 300


class Clocked:
    """The subject watched over all kills; `step` is the time after which its next event is due."""

    step: timedelta
    counted: str

    def __init__(self, daemon: Daemon) -> None:
        self.daemon = daemon
        self.now = START

    def pass_a_step(self) -> bool:
        """Let the time pass and the due event happen; returns false if the daemon died meanwhile."""
        self.now += self.step
        with suppress(ConnectionError, Refusal), Wire(self.daemon.socket) as wire:
            wire.call("clock.advance", seconds=self.step.total_seconds())
            self.until_done(wire)
            return True
        return False

    def until_done(self, wire: Wire) -> None:
        """Return when the due event has happened."""

    def start_again(self, *, is_overdue: bool = True) -> None:
        """Start the daemon at the time that it should have reached."""
        assert self.daemon.process is not None
        assert self.daemon.process.wait(PATIENCE_SECONDS) == -signal.SIGKILL, self.daemon.stderr()
        self.daemon.start("--test-clock", f"{self.now:%Y-%m-%dT%H:%M:%SZ}")

    def judge(self) -> int:
        """Compare the daemon's record with what happened; returns the number of due events."""
        raise NotImplementedError


def kill_at_each_write(watched: Clocked, place: Path, totals: Figures) -> None:
    """Kill the daemon at each write and sync of a step, and judge. Skipped where tracing is impossible."""
    if (reason := untraceable()) is not None:
        pytest.skip(reason)
    hits = 0
    assert watched.daemon.process is not None
    with traced(watched.daemon.process.pid, [*Fault(CALLS, None, place / "trace").tracer, "-f"]):
        assert watched.pass_a_step()
    for call, k in points(ranges(place / "trace"), 4):
        fault = Fault(call, k, place / "trace")
        with traced(watched.daemon.process.pid, [*fault.tracer, "-f"]):
            is_done = watched.pass_a_step()
            if is_done:
                watched.daemon.kill()
            watched.start_again(is_overdue=not is_done)
        hits += not is_done
        totals.add("points")
    totals.add("kills", hits)
    totals.add(watched.counted, watched.judge())
    assert hits, "no fault came: the sweep shows nothing"


def kill_at_random(watched: Clocked, totals: Figures, steps: int = 1) -> None:
    """Kill the daemon at random moments after requesting several steps at once, and judge."""
    chance = random.Random(17)
    for _ in range(RANDOM_KILLS):
        with Wire(watched.daemon.socket) as wire:
            wire.ask("clock.advance", seconds=steps * watched.step.total_seconds())
            watched.now += steps * watched.step
            alive_for(watched.daemon, chance.random() * 0.3)
            watched.daemon.kill()
        watched.start_again()
        totals.add("kills")
    totals.add(watched.counted, watched.judge())
