"""Notifications with real daemons and real receivers: what happened arrives, whatever dies meanwhile."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from e2e.harness import Daemon
from e2e.receiving import Receiver, receiving
from e2e.wire import Wire, connected

ALLOW = {"LOCKSIDE_NOTIFICATIONS__ALLOW": "127.0.0.0/8"}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as one:
        yield one


@pytest.fixture
def daemon(fresh: Callable[..., Daemon]) -> Daemon:
    return fresh(**ALLOW)


def subscribed(wire: Wire, receiver: Receiver, **more: Any) -> dict[str, Any]:
    """A stored subscription to failed jobs, with its secret."""
    recipient = {"channel": "webhook", "url": receiver.url, **more.pop("recipient", {})}
    subscription = {"id": "failures", "event": "job-failed", "recipient": recipient, **more}
    stored: dict[str, Any] = wire.call("notification.put", subscription=subscription)
    return stored


def failing(wire: Wire, **request: Any) -> dict[str, Any]:
    return wire.done(wire.shell("exit 1", **request))


def ended(wire: Wire, status: str, **wanted: Any) -> dict[str, Any]:
    """The delivery once there is one with that status."""
    number = wire.call("event.subscribe")["subscription"]
    try:
        while not (found := wire.call("notification.deliveries", status=[status], **wanted)["deliveries"]):
            wire.notice()
    finally:
        wire.call("event.unsubscribe", subscription=number)
    one: dict[str, Any] = found[0]
    return one


def test_a_failed_job_is_told_to_a_webhook_with_a_signature(daemon: Daemon, receiver: Receiver) -> None:
    wire = daemon.wire()
    secret = subscribed(wire, receiver)["recipient"]["#secret"]
    job = failing(wire, name="load")
    post = receiver.take()
    Webhook(secret).verify(post.body, dict(post.headers))
    assert post.type == "job-failed"
    assert post.data["job"]["id"] == job["id"]
    assert (post.data["job"]["name"], post.data["job"]["status"]) == ("load", "error")
    delivery = ended(wire, "delivered")
    assert post.id == f"msg_{delivery['id']}"
    assert [one["statusCode"] for one in delivery["attempts"]] == [204]
    assert "#secret" not in wire.call("notification.get", id="failures")["recipient"]


def test_a_job_that_ends_well_is_not_told_as_failed(daemon: Daemon, receiver: Receiver) -> None:
    wire = daemon.wire()
    subscribed(wire, receiver)
    wire.done(wire.shell("true"))
    failed = failing(wire)
    assert receiver.take().data["job"]["id"] == failed["id"]
    assert not receiver.taken()


def test_a_daemon_that_dies_while_a_courier_waits_settles_its_delivery_later(
    daemon: Daemon, receiver: Receiver
) -> None:
    wire = daemon.wire()
    subscribed(wire, receiver)
    receiver.gate.clear()
    failing(wire)
    first = receiver.take()
    daemon.kill()
    receiver.gate.set()
    wire = daemon.start().wire()
    connected(wire)
    assert first.id == f"msg_{ended(wire, 'delivered')['id']}"
    assert not receiver.taken()
