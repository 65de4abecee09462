"""Limits of notifications: of a minute, of what is pending, of subscriptions and templates."""

from collections.abc import Callable
from typing import Any

from e2e.harness import Daemon, running
from e2e.receiving import Receiver
from e2e.telling import NOON, failing, put
from e2e.wire import Wire, connected

ALLOW = {"LOCKSIDE_NOTIFICATIONS__ALLOW": "127.0.0.0/8"}


def limited(**settings: str) -> Any:
    return running("--test-clock", NOON, **ALLOW, **settings)


def test_a_recipient_gets_so_many_messages_a_minute_and_the_rest_later(receiver: Receiver) -> None:
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


def test_what_is_more_than_may_be_pending_is_dropped_and_counted_once_a_minute(receiver: Receiver) -> None:
    with limited(LOCKSIDE_NOTIFICATIONS__MAX_PENDING="2") as daemon:
        wire = daemon.wire()
        connected(wire)
        receiver.status = 500
        put(wire, {"channel": "webhook", "url": receiver.url})
        wire.call("event.subscribe", kinds=["notification.failed", "notification.dropped"])
        for _ in range(2):
            failing(wire)
            told(wire, "notification.failed")
        failing(wire)
        assert told(wire, "notification.dropped")["data"] == {"count": 1}
        failing(wire)
        failing(wire)
        wire.call("clock.advance", seconds=60)
        assert told(wire, "notification.dropped")["data"] == {"count": 2}


def told(wire: Wire, kind: str) -> dict[str, Any]:
    """The next event of a kind."""
    while True:
        for event in wire.notice()["params"]["events"]:
            if event["kind"] == kind:
                found: dict[str, Any] = event
                return found


def test_a_project_has_a_thousand_subscriptions_at_most(fresh: Callable[..., Daemon]) -> None:
    wire = fresh().wire()
    recipient = {"channel": "webhook", "url": "https://hooks.example.com/"}
    *many, last = [{"id": f"s{n}", "event": "job-failed", "recipient": recipient} for n in range(1001)]
    wire.call("catalog.apply", subscriptions=many)
    assert wire.refused("notification.put", subscription=last).kind == "limit"
    wire.call("notification.put", subscription=many[0])
    wire.call("notification.delete", id="s0")
    wire.call("notification.put", subscription=last)
