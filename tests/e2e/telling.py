"""Helpers for tests of notifications: subscriptions, failing jobs, and waiting for deliveries."""

from typing import Any

from e2e.wire import Wire

NOON = "2026-03-29T12:00:00Z"


def put(wire: Wire, recipient: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Store a subscription, by default to failed jobs."""
    subscription = {"id": "failures", "event": "job-failed", "recipient": recipient, **more}
    stored: dict[str, Any] = wire.call("notification.put", subscription=subscription)
    return stored


def failing(wire: Wire, **request: Any) -> dict[str, Any]:
    return wire.done(wire.shell("exit 1", **request))


def ended(wire: Wire, status: str, **wanted: Any) -> dict[str, Any]:
    """Wait for a delivery with that status and return it."""
    number = wire.call("event.subscribe")["subscription"]
    try:
        while not (found := wire.call("notification.deliveries", status=[status], **wanted)["deliveries"]):
            wire.notice()
    finally:
        wire.call("event.unsubscribe", subscription=number)
    one: dict[str, Any] = found[0]
    return one
