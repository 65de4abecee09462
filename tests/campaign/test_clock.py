"""The wall clock is set by an hour, forward and back, while jobs run, wait and are retried.

libfaketime sets it for the daemon; the monotonic clocks continue, as they do in the kernel. The keeper
measures on CLOCK_BOOTTIME alone and uses the wall clock only for the times that it records.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from campaign.faults import untraceable, wake_ups
from e2e.harness import Daemon, running, short_folder
from e2e.signs import Ear, Gate
from e2e.wire import Message, Wire, put_component, until_running

LIBRARIES = [Path(f"/usr/lib/{where}/faketime/libfaketimeMT.so.1") for where in os.listdir("/usr/lib")]
LIBRARY = next((path for path in LIBRARIES if path.exists()), None)
HOUR = 3600
SOON_SECONDS = 120.0
"""Far below an hour, and far above what a busy machine needs."""

pytestmark = pytest.mark.skipif(LIBRARY is None, reason="libfaketime is not installed (package faketime)")
both_ways = pytest.mark.parametrize("seconds", [HOUR, -HOUR], ids=["forward", "back"])


@dataclass
class Clock:
    """The wall clock of a daemon."""

    file: Path
    ahead_seconds: int = 0

    @property
    def environment(self) -> dict[str, str]:
        return {
            "LD_PRELOAD": str(LIBRARY),
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }

    def set_by(self, seconds: int) -> None:
        self.ahead_seconds += seconds
        new = self.file.with_suffix(".new")
        new.write_text(f"{self.ahead_seconds:+d}s\n")
        new.rename(self.file)

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.ahead_seconds)


@pytest.fixture(scope="module")
def clock() -> Iterator[Clock]:
    with short_folder() as folder:
        made = Clock(folder / "clock")
        made.set_by(0)
        yield made


@pytest.fixture(scope="module")
def daemon(clock: Clock) -> Iterator[Daemon]:
    """A daemon with that clock; each test continues from the time that the last one set."""
    with running(**clock.environment) as made:
        yield made


def time_of(text: str) -> datetime:
    return datetime.fromisoformat(text)


@both_ways
def test_time_limits_and_durations_count_the_time_that_really_passed(
    daemon: Daemon, clock: Clock, gate: Gate, seconds: int
) -> None:
    wire = daemon.wire()
    running = wire.shell(gate.text, limits={"timeoutSeconds": 600})
    limited = wire.shell("exec sleep 600", limits={"timeoutSeconds": 2})
    until_running(wire, running)
    until_running(wire, limited)
    clock.set_by(seconds)
    ended = wire.done(limited)
    assert ended["result"]["error"]["kind"] == "timeout"
    assert 2 <= ended["durationSeconds"] < SOON_SECONDS
    gate.open()
    ended = wire.done(running)
    assert ended["status"] == "success"
    assert 2 <= ended["durationSeconds"] < SOON_SECONDS
    assert 0 <= wire.call("daemon.status")["uptimeSeconds"] < SOON_SECONDS


@both_ways
def test_setting_the_clock_does_not_use_up_the_time_limit_of_several_steps(
    daemon: Daemon, clock: Clock, gate: Gate, ear: Ear, seconds: int
) -> None:
    wire = daemon.wire()
    body = f"echo up > {ear.path}; {gate.text}"
    put_component(wire, "acme.steps", shell=body, limits={"timeoutSeconds": 600})
    wire.call("config.put", component="acme.steps", config="two", rows=[{"id": "a"}, {"id": "b"}])
    job = wire.create("acme.steps", config="two")
    assert ear.hear() == "up"
    clock.set_by(seconds)
    gate.open()
    assert ear.hear() == "up"
    ended = wire.done(job)
    assert ended["status"] == "success", ended["result"]
    assert ended["durationSeconds"] < SOON_SECONDS


@both_ways
def test_delays_and_pauses_before_attempts_are_not_an_hour_longer(
    daemon: Daemon, clock: Clock, ear: Ear, seconds: int
) -> None:
    wire = daemon.wire()
    tries = wire.shell(f"echo tried > {ear.path}; exit 3", retry={"maxAttempts": 2, "delaySeconds": 3})
    delayed = wire.shell("true", delay=3)
    assert ear.hear() == "tried"
    wait_for_attempt(wire, tries)
    clock.set_by(seconds)
    wire.call("daemon.status")
    assert ear.hear() == "tried"
    assert wire.done(tries)["result"]["message"].endswith("(attempt 2)")
    assert wire.done(delayed)["status"] == "success"


def wait_for_attempt(wire: Wire, container: Message) -> None:
    """Wait until the second attempt exists."""
    number = wire.call("event.subscribe", runIdPrefix=container["runId"])["subscription"]
    while len(wire.call("job.list", parentRunId=container["runId"])["jobs"]) < 2:
        wire.notice()
    wire.call("event.unsubscribe", subscription=number)


def test_a_start_time_is_a_moment_of_the_wall_clock(daemon: Daemon, clock: Clock) -> None:
    wire = daemon.wire()
    at = clock.now() + timedelta(minutes=30)
    job = wire.shell("true", delayedStartTime=at.isoformat().replace("+00:00", "Z"))
    assert wire.kinds(job) == ["start_time"]
    clock.set_by(HOUR)
    wire.call(
        "daemon.status"
    )  # any request makes the daemon look at the clock; without one it looks within a minute
    ended = wire.done(job)
    assert ended["status"] == "success"
    assert at <= time_of(ended["startTime"]) < at + timedelta(hours=1)


@both_ways
@pytest.mark.skipif(untraceable() is not None, reason=str(untraceable()))
def test_nothing_spins_after_the_clock_was_set(
    daemon: Daemon, clock: Clock, place: Path, seconds: int
) -> None:
    wire = daemon.wire()
    wire.shell("true", delay=7200)
    running = wire.shell("exec sleep 600")
    until_running(wire, running)
    clock.set_by(seconds)
    wire.call("daemon.status")
    keeper = daemon.keeper_pid()
    assert daemon.process is not None
    for pid in (daemon.process.pid, keeper):
        assert wake_ups(daemon, pid, place / f"counts-{pid}") < 30
    wire.call("job.terminate", id=running["id"])
    assert wire.done(running)["status"] == "terminated"
