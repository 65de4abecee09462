"""Helpers for tests of recovery: jobs that fail until a file exists, and waiting for condition tests."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from e2e.harness import Daemon, running
from e2e.wire import Message, Wire, wait_until

NOON = "2026-03-29T12:00:00Z"


@contextmanager
def at_noon(**settings: str) -> Iterator[Daemon]:
    """A daemon whose clock shows noon."""
    with running("--test-clock", NOON, **settings) as daemon:
        yield daemon


def policy(tester: Message, **more: Any) -> list[Message]:
    """Return one policy, by default for exit code 75."""
    return [{"id": "outage", "match": {"exitCodes": [75]}, "tester": tester, **more}]


def fails_without(path: Path) -> str:
    """Return a shell text that exits with 75 while that file is missing."""
    return f"test -e {path} || {{ echo the door is shut >&2; exit 75; }}"


def until_blocked(wire: Wire, job: Message, times: int = 1) -> Message:
    """Wait until the job is blocked for the given time, and return it."""
    return wait_until(wire, job, lambda view: view["blockedCount"] == times and view["status"] == "created")


def checks(wire: Wire) -> list[Message]:
    """Return the results of all tests so far."""
    return [
        event["data"] | {"at": clock_of(event["time"])} for event in wire.events(kinds=["recovery.checked"])
    ]


def clock_of(time: str) -> int:
    """Seconds since noon."""
    hours, minutes, seconds = time[11:19].split(":")
    return (int(hours) - 12) * 3600 + int(minutes) * 60 + int(seconds)


def advance(wire: Wire, seconds: float, *, checks_end: int = 0) -> None:
    """Advance the clock, and wait until as many of the tests that became due have ended."""
    number = wire.call("event.subscribe", kinds=["recovery.checked"])["subscription"]
    wire.call("clock.advance", seconds=seconds)
    while checks_end > 0:
        told = wire.notice()["params"]  # may belong to an earlier subscription
        checks_end -= len(told.get("events", ())) if told["subscription"] == number else 0
    wire.call("event.unsubscribe", subscription=number)
