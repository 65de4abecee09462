"""Helpers for tests of schedules: a daemon with a test clock, a configuration, and ledgers."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from e2e.harness import Daemon, running
from e2e.wire import Wire

MORNING = "2026-01-05T08:00:00Z"
COMPONENT = {"id": "acme.job", "shell": "exit 0"}


@contextmanager
def at(time: str, **settings: str) -> Iterator[Daemon]:
    """A daemon whose clock shows that time, with the configuration `acme.job/daily`."""
    with running("--test-clock", time, **settings) as daemon:
        with Wire(daemon.socket) as wire:
            wire.call("component.put", component=COMPONENT)
            wire.call("config.put", component="acme.job", config="daily")
        yield daemon


def put(wire: Wire, schedule_id: str = "s", **members: Any) -> dict[str, Any]:
    """Store a schedule of that configuration."""
    job = members.pop("job", {"component": "acme.job", "config": "daily"})
    stored: dict[str, Any] = wire.call("schedule.put", schedule={"id": schedule_id, "job": job, **members})
    return stored


def rows(wire: Wire, schedule_id: str = "s", **filters: Any) -> list[dict[str, Any]]:
    """Return the ledger, oldest row first."""
    found: list[dict[str, Any]] = wire.call("schedule.ledger", id=schedule_id, **filters)["rows"]
    return found[::-1]


def summary(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return a row in short: outcome, cause, first and last moment as times of day, count."""
    return row["outcome"], row["cause"], short(row["moment"]), short(row["lastMoment"]), row["count"]


def short(time: str) -> str:
    """Return the time of day, without zero seconds."""
    return time[11:19].removesuffix(":00")


def jobs_of(wire: Wire, schedule_id: str = "s") -> list[dict[str, Any]]:
    """Return the jobs that a schedule created, oldest first."""
    found = wire.call("job.list", creator="schedule", order="asc", limit=1000)["jobs"]
    return [job for job in found if job["creator"]["id"] == schedule_id]


def restarted(daemon: Daemon, time: str) -> None:
    """Kill the daemon and restart it at that time."""
    daemon.kill()
    daemon.start("--test-clock", time)
