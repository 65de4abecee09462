"""Limits of notifications: per minute, of pending deliveries, of subscriptions and templates."""

from collections.abc import Callable
from typing import Any

from e2e.harness import Daemon, running
from e2e.receiving import Receiver
from e2e.telling import NOON, failing, put
from e2e.wire import Wire, connected

ALLOW = {"LOCKSIDE_NOTIFICATIONS__ALLOW": "127.0.0.0/8"}


def limited(**settings: str) -> Any:
    return running("--test-clock", NOON, **ALLOW, **settings)


def test_messages_to_a_recipient_are_limited_per_minute_and_the_rest_are_sent_later(
    receiver: Receiver,
) -> None:
    with limited(LOCKSIDE_NOTIFICATIONS__PER_MINUTE="2") as daemon:
        wire = daemon.wire()
        connected(wire)
        put(wire, {"channel": "webhook", "url": receiver.url})
        jobs = [failing(wire)["id"] for _ in range(3)]
        first = {receiver.take().data["job"]["id"] for _ in range(2)}
        wire.call("clock.advance", seconds=59)
        assert not receiver.taken()
        wire.call("clock.advance", seconds=1)
        assert first | {receiver.take().data["job"]["id"]} == set(jobs)


def test_deliveries_beyond_the_pending_limit_are_dropped_and_reported_once_a_minute(
    receiver: Receiver,
) -> None:
    with limited(LOCKSIDE_NOTIFICATIONS__MAX_PENDING="2") as daemon:
        wire = daemon.wire()
        connected(wire)
        receiver.status = 500
        put(wire, {"channel": "webhook", "url": receiver.url})
        wire.call("event.subscribe", kinds=["notification.failed", "notification.dropped"])
        for _ in range(2):
            failing(wire)
            next_event(wire, "notification.failed")
        failing(wire)
        assert next_event(wire, "notification.dropped")["data"] == {"count": 1}
        failing(wire)
        failing(wire)
        wire.call("clock.advance", seconds=60)
        assert next_event(wire, "notification.dropped")["data"] == {"count": 2}


def next_event(wire: Wire, kind: str) -> dict[str, Any]:
    """Return the next event of a kind."""
    while True:
        for event in wire.notice()["params"]["events"]:
            if event["kind"] == kind:
                found: dict[str, Any] = event
                return found


RECIPIENT = {"channel": "webhook", "url": "https://hooks.example.com/"}


def test_the_settings_limit_the_subscriptions_of_a_project(fresh: Callable[..., Daemon]) -> None:
    wire = fresh(LOCKSIDE_NOTIFICATIONS__MAX_PER_PROJECT="2").wire()
    *many, last = [{"id": f"s{n}", "event": "job-failed", "recipient": RECIPIENT} for n in range(3)]
    refusal = wire.refused("catalog.apply", notifications=[*many, last])
    assert refusal.kind == "limit"
    assert "A project has at most 2 subscriptions: delete one first." in str(refusal)
    wire.call("catalog.apply", notifications=many)
    assert wire.refused("notification.put", subscription=last).kind == "limit"
    wire.call("notification.put", subscription=many[0])
    wire.call("notification.delete", id="s0")
    wire.call("notification.put", subscription=last)


def test_the_settings_limit_the_notifications_that_a_job_requests(fresh: Callable[..., Daemon]) -> None:
    wire = fresh(LOCKSIDE_NOTIFICATIONS__MAX_PER_JOB="2").wire()
    one = {"event": "FAILED", "url": RECIPIENT["url"]}
    request = {"component": "lockside.command", "configData": {"parameters": {"shell": "true"}}}
    refusal = wire.refused("job.create", **request, notifications=[one] * 3)
    assert (refusal.kind, refusal.data["path"]) == ("limit", "$.notifications")
    assert "A job has at most 2 notifications, not 3 (setting notifications.max_per_job)." in str(refusal)
    assert wire.call("job.create", **request, notifications=[one] * 2)["id"]


def test_a_job_may_request_twenty_notifications_by_default(fresh: Callable[..., Daemon]) -> None:
    wire = fresh().wire()
    one = {"event": "FAILED", "url": RECIPIENT["url"]}
    request = {"component": "lockside.command", "configData": {"parameters": {"shell": "true"}}}
    assert wire.refused("job.create", **request, notifications=[one] * 21).kind == "limit"
    assert wire.call("job.create", **request, notifications=[one] * 20)["id"]
