"""Notifications that depend on time: of jobs that run or wait long, of schedules, and heartbeats."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e.harness import Daemon, running
from e2e.receiving import Receiver
from e2e.telling import NOON, ended, put
from e2e.wire import Wire, connected, until_running

ALLOW = {"LOCKSIDE_NOTIFICATIONS__ALLOW": "127.0.0.0/8"}
LONG = [{"field": "durationOvertimePercentage", "operator": ">=", "value": 0.5}]


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    with running("--test-clock", NOON, **ALLOW) as one:
        connected(one.wire())
        yield one


def hook(receiver: Receiver) -> dict[str, Any]:
    return {"channel": "webhook", "url": receiver.url}


class Jobs:
    """Equal jobs that run until they are told to end."""

    def __init__(self, folder: Path) -> None:
        self._gate = folder / "gate"
        os.mkfifo(self._gate)

    def started(self, wire: Wire) -> dict[str, Any]:
        return until_running(wire, wire.shell(f"read x < {self._gate}; true"))

    def end(self, wire: Wire, job: dict[str, Any]) -> None:
        self._gate.write_text("now\n")
        wire.done(job)

    def good_runs(self, wire: Wire, count: int) -> None:
        """Run this many jobs that take 100 seconds each."""
        for _ in range(count):
            job = self.started(wire)
            wire.call("clock.advance", seconds=100)
            self.end(wire, job)


@pytest.fixture
def jobs(tmp_path: Path) -> Jobs:
    return Jobs(tmp_path)


def long_jobs(wire: Wire, receiver: Receiver) -> None:
    put(wire, hook(receiver), event="job-processing-long", filters=LONG)


def test_a_job_that_runs_longer_than_usual_is_reported_once(
    daemon: Daemon, receiver: Receiver, jobs: Jobs
) -> None:
    wire = daemon.wire()
    long_jobs(wire, receiver)
    jobs.good_runs(wire, 3)
    job = jobs.started(wire)
    wire.call("clock.advance", seconds=149)
    assert not receiver.taken()
    wire.call("clock.advance", seconds=1)
    post = receiver.take()
    assert (post.type, post.data["job"]["id"]) == ("job-processing-long", job["id"])
    told = [post.data[name] for name in ("averageDuration", "currentDuration", "durationOvertimePercentage")]
    assert told == [100, 150, 0.5]
    wire.call("clock.advance", seconds=10_000)
    jobs.end(wire, job)
    assert len(wire.call("notification.deliveries")["deliveries"]) == 1


def test_pauses_do_not_count_and_a_clock_that_is_set_changes_nothing(
    daemon: Daemon, receiver: Receiver, jobs: Jobs
) -> None:
    wire = daemon.wire()
    long_jobs(wire, receiver)
    jobs.good_runs(wire, 3)
    job = jobs.started(wire)
    wire.call("clock.advance", seconds=100)
    wire.call("job.pause", id=job["id"])
    wire.call("clock.advance", seconds=300)
    wire.call("job.resume", id=job["id"])
    wire.call("clock.set", time="2026-03-29T14:00:00Z")
    wire.call("clock.advance", seconds=49)
    assert not wire.call("notification.deliveries")["deliveries"]
    wire.call("clock.advance", seconds=1)
    assert receiver.take().data["currentDuration"] == 150
    jobs.end(wire, job)


def test_a_job_that_ends_in_time_or_has_too_few_predecessors_is_not_reported(
    daemon: Daemon, receiver: Receiver, jobs: Jobs
) -> None:
    wire = daemon.wire()
    long_jobs(wire, receiver)
    jobs.good_runs(wire, 2)
    third = jobs.started(wire)
    wire.call("clock.advance", seconds=1000)
    jobs.end(wire, third)
    fourth = jobs.started(wire)
    wire.call("clock.advance", seconds=599)  # 400 on average
    jobs.end(wire, fourth)
    wire.call("clock.advance", seconds=1000)
    assert not wire.call("notification.deliveries")["deliveries"]


def test_notifications_due_while_no_daemon_ran_are_sent_at_its_start(
    daemon: Daemon, receiver: Receiver, jobs: Jobs
) -> None:
    wire = daemon.wire()
    long_jobs(wire, receiver)
    jobs.good_runs(wire, 3)
    job = jobs.started(wire)
    wire.call("clock.advance", seconds=140)
    daemon.kill()
    daemon.start("--test-clock", "2026-03-29T12:08:20Z")
    wire = daemon.wire()
    connected(wire)
    assert receiver.take().data["currentDuration"] == 200
    jobs.end(wire, job)


def test_a_job_that_waits_long_is_reported_and_its_wait_counts_from_when_it_could_start(
    daemon: Daemon, receiver: Receiver, jobs: Jobs
) -> None:
    wire = daemon.wire()
    waiting = [{"field": "waitingSeconds", "operator": ">=", "value": 60}]
    put(wire, hook(receiver), event="job-waiting-long", filters=waiting)
    wire.call("pool.pause", id="default")
    late = wire.shell("true", delay=100)
    wire.shell("true", hold=True)
    wire.call("clock.advance", seconds=159)
    assert not wire.call("notification.deliveries")["deliveries"]
    wire.call("clock.advance", seconds=1)
    post = receiver.take()
    assert (post.type, post.data["job"]["id"]) == ("job-waiting-long", late["id"])
    assert (post.data["waitingSeconds"], post.data["reasons"]) == (60, ["pool_paused"])


def test_a_paused_schedule_is_reported(daemon: Daemon, receiver: Receiver) -> None:
    wire = daemon.wire()
    put(wire, hook(receiver), event=["schedule-paused", "schedule-missed"])
    job = {"component": "lockside.command", "configData": {"parameters": {"command": ["true"]}}}
    wire.call("schedule.put", schedule={"id": "s", "every": "1h", "job": job})
    wire.call("schedule.pause", id="s", comment="for now")
    post = receiver.take()
    assert (post.type, post.data["schedule"]["id"]) == ("schedule-paused", "s")


def test_a_heartbeat_is_sent_and_attempted_once(daemon: Daemon, receiver: Receiver) -> None:
    wire = daemon.wire()
    put(wire, hook(receiver), event="daemon-alive", everySeconds=60)
    assert receiver.take().type == "daemon-alive"
    ended(wire, "delivered")
    receiver.status = 500
    wire.call("clock.advance", seconds=60)
    receiver.take()
    assert len(ended(wire, "dead")["attempts"]) == 1
    wire.call("clock.advance", seconds=59)
    assert not receiver.taken()


def test_an_idle_daemon_sends_heartbeats_too(daemon: Daemon, receiver: Receiver) -> None:
    wire = daemon.wire()
    put(wire, hook(receiver), event="daemon-alive", everySeconds=60)
    seen = {receiver.take().data["seq"]}
    for _ in range(4):
        wire.call("clock.advance", seconds=60)
        seen.add(receiver.take().data["seq"])
    assert len(seen) < 5


def test_a_subscription_without_a_usable_time_is_refused(daemon: Daemon) -> None:
    recipient = {"channel": "webhook", "url": "https://hooks.example.com/"}
    for changes, path in (
        ({"event": "job-processing-long"}, "$.subscription.filters"),
        ({"event": "job-waiting-long", "filters": LONG}, "$.subscription.filters"),
        ({"event": "daemon-alive"}, "$.subscription.everySeconds"),
        ({"event": "job-failed", "everySeconds": 60}, "$.subscription.everySeconds"),
    ):
        subscription = {"id": "a", "recipient": recipient, **changes}
        assert daemon.wire().refused("notification.put", subscription=subscription).data["path"] == path
