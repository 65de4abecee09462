"""Each event that can be reported besides failed jobs: what causes it, and what the notification says."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e.harness import Daemon
from e2e.orchestrating import BODY, by_task, orchestrate, phases, task
from e2e.receiving import Post, Receiver, receiving
from e2e.recovering import at_noon, fails_without, policy, until_blocked
from e2e.signs import Gate
from e2e.telling import failing, put
from e2e.wire import Message, Wire, connected, put_component, put_config, until_running

JOB = {"component": "acme.job", "config": "daily"}
LONG = [{"field": "durationOvertimePercentage", "operator": ">=", "value": 0.5}]


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    with at_noon(LOCKSIDE_NOTIFICATIONS__ALLOW="127.0.0.0/8") as one:
        connected(one.wire())
        yield one


@pytest.fixture
def wire(daemon: Daemon) -> Iterator[Wire]:
    with Wire(daemon.socket) as one:
        put_component(one, "acme.job", command=["true"])
        put_component(one, "acme.body", command=["python3", "-c", BODY])
        put_config(one, "acme.job", "daily")
        yield one


def hears(wire: Wire, receiver: Receiver, *events: str, **more: Any) -> None:
    put(wire, {"channel": "webhook", "url": receiver.url}, event=list(events), **more)


def of_job(post: Post) -> tuple[str, str, str]:
    return post.type, post.data["job"]["id"], post.data["job"]["status"]


def test_notifications_contain_the_names_that_users_gave(wire: Wire, receiver: Receiver) -> None:
    hears(wire, receiver, "job-succeeded")
    put_component(wire, "acme.named", command=["true"], name="Loader")
    put_config(wire, "acme.named", "daily", name="Daily load")
    wire.done(wire.create("acme.named", config="daily"))
    job = receiver.take().data["job"]
    assert job["component"] == {"id": "acme.named", "name": "Loader"}
    assert job["configuration"] == {"id": "daily", "name": "Daily load"}


def test_a_start_is_reported_once_even_for_a_job_that_starts_again(
    wire: Wire, receiver: Receiver, tmp_path: Path
) -> None:
    hears(wire, receiver, "job-started", "job-succeeded")
    door = tmp_path / "door"
    job = wire.shell(fails_without(door), recovery=policy({"wait": True}))
    until_blocked(wire, job)
    door.touch()
    wire.call("clock.advance", seconds=30)
    wire.done(job)
    assert [of_job(receiver.take())[0] for _ in range(2)] == ["job-started", "job-succeeded"]
    assert not receiver.taken()


def test_a_terminated_or_cancelled_job_is_reported_as_such(wire: Wire, receiver: Receiver) -> None:
    hears(wire, receiver, "job-terminated", "job-cancelled")
    running = until_running(wire, wire.shell("sleep 600"))
    wire.call("job.terminate", id=running["id"])
    assert of_job(receiver.take()) == ("job-terminated", running["id"], "terminated")
    held = wire.shell("true", hold=True)
    wire.call("job.terminate", id=held["id"])
    assert of_job(receiver.take()) == ("job-cancelled", held["id"], "cancelled")


def test_a_blocked_job_is_reported_to_subscriptions_and_its_own_recipients(
    wire: Wire, receiver: Receiver
) -> None:
    hears(wire, receiver, "job-blocked")
    own = [{"event": word, "url": f"{receiver.url}/{word}"} for word in ("BLOCKED", "job-blocked")]
    job = wire.shell("exit 75", recovery=policy({"wait": True}), notifications=own)
    until_blocked(wire, job)
    posts = [receiver.take() for _ in range(3)]
    assert {of_job(post) for post in posts} == {("job-blocked", job["id"], "created")}
    assert {post.path for post in posts} == {"/hook", "/hook/BLOCKED", "/hook/job-blocked"}


def in_phases(wire: Wire, code: int = 0, **asked: Any) -> Message:
    """Run an orchestration of two phases, of which the second exits with that code."""
    tasks = [task("one", "load"), task("two", "check", {"code": code, **asked})]
    return orchestrate(wire, "nightly", {"phases": phases("load", "check"), "tasks": tasks})


def test_phases_are_reported_by_their_own_events(wire: Wire, receiver: Receiver) -> None:
    hears(wire, receiver, "phase-job-succeeded", "phase-job-failed")
    root = wire.done(in_phases(wire, code=1))
    phase = by_task(wire, root)
    told = {post.type: post.data for post in (receiver.take(), receiver.take())}
    assert told["phase-job-succeeded"]["phase"] == {"id": "load", "name": phase["load"]["name"]}
    assert told["phase-job-failed"]["job"]["id"] == phase["check"]["id"]
    assert not receiver.taken()


def test_failures_of_a_phase_are_counted_separately(wire: Wire, receiver: Receiver) -> None:
    hears(wire, receiver, "phase-job-failed", afterFailures=2)
    for code in (1, 0, 1, 1):
        root = wire.done(in_phases(wire, code))
    post = receiver.take()
    assert post.data["job"]["id"] == by_task(wire, root)["check"]["id"]
    assert not receiver.taken()


def test_a_phase_that_runs_longer_than_usual_is_reported(
    wire: Wire, receiver: Receiver, tmp_path: Path
) -> None:
    hears(wire, receiver, "phase-job-processing-long", filters=LONG)
    for seconds in (100, 100, 100, 150):
        gate = Gate(tmp_path)
        root = in_phases(wire, gate=gate.text)
        until_second_runs(wire, root)
        wire.call("clock.advance", seconds=seconds)
        gate.open()
        wire.done(root)
    post = receiver.take()
    assert (post.type, post.data["phase"]["id"]) == ("phase-job-processing-long", "check")
    assert (post.data["averageDuration"], post.data["currentDuration"]) == (100, 150)
    assert not receiver.taken()


def until_second_runs(wire: Wire, root: Message) -> None:
    number = wire.call("event.subscribe")["subscription"]
    while (found := by_task(wire, root).get("two")) is None or found["status"] != "processing":
        wire.notice()
    wire.call("event.unsubscribe", subscription=number)


def test_failed_overdue_and_missed_moments_of_schedules_are_reported(
    daemon: Daemon, wire: Wire, receiver: Receiver
) -> None:
    hears(wire, receiver, "schedule-failed", "schedule-overdue", "schedule-missed")
    for one in ("late", "refused"):
        put_config(wire, "acme.job", one)
    wire.call("pool.pause", id="default")
    schedule(wire, "late", expectWithinSeconds=600)
    schedule(wire, "refused")
    wire.call("config.delete", component="acme.job", config="refused")
    wire.call("clock.advance", seconds=3600)
    assert about(receiver.take(), "schedule") == ("schedule-failed", "refused")
    wire.call("clock.advance", seconds=600)
    assert about(receiver.take(), "schedule") == ("schedule-overdue", "late")
    for one in ("late", "refused"):
        wire.call("schedule.delete", id=one)
    schedule(wire, "daily", misfire={"policy": "skip"})
    daemon.kill()
    daemon.start("--test-clock", "2026-03-29T15:30:00Z")
    connected(daemon.wire())
    assert about(receiver.take(), "schedule") == ("schedule-missed", "daily")


def schedule(wire: Wire, config: str, **more: Any) -> None:
    """Store a schedule of a configuration; returns its id."""
    job = {"component": "acme.job", "config": config}
    wire.call("schedule.put", schedule={"id": config, "every": "1h", "job": job, **more})


def about(post: Post, word: str) -> tuple[str, str]:
    return post.type, post.data[word]["id"]


def test_a_trigger_that_fails_or_is_paused_is_reported(wire: Wire, receiver: Receiver) -> None:
    hears(wire, receiver, "trigger-failed", "trigger-paused")
    put_component(wire, "acme.first", command=["true"])
    trigger = {"id": "t", "on": [{"job": {"component": "acme.first"}}], "job": JOB}
    wire.call("trigger.put", trigger=trigger)
    wire.call("config.delete", component="acme.job", config="daily")
    wire.done(wire.create("acme.first"))
    assert about(receiver.take(), "trigger") == ("trigger-failed", "t")
    wire.call("trigger.pause", id="t")
    assert about(receiver.take(), "trigger") == ("trigger-paused", "t")


def test_an_abandoned_delivery_is_reported_only_to_other_subscriptions(
    wire: Wire, receiver: Receiver
) -> None:
    events = ["job-failed", "notification-dead", "notification-disabled"]
    with receiving() as gone:
        gone.status = 410
        put(wire, {"channel": "webhook", "url": gone.url}, id="gone", event=events)
        hears(wire, receiver, "notification-dead", "notification-disabled")
        failing(wire)
        gone.take()
        posts = {post.type: post.data for post in (receiver.take(), receiver.take())}
        assert posts["notification-dead"]["subscription"] == {"id": "gone"}
        assert posts["notification-dead"]["delivery"]["id"]
        assert posts["notification-disabled"]["subscription"] == {"id": "gone"}
        wire.call("clock.advance", seconds=10)
        assert not gone.taken()


def test_events_unknown_to_this_release_can_be_subscribed_to(wire: Wire, receiver: Receiver) -> None:
    hears(wire, receiver, "job-stalled")
    assert wire.call("notification.list", event="job-stalled")["subscriptions"][0]["id"] == "failures"
