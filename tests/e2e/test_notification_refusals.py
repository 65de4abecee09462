"""Subscriptions that are refused, which addresses are allowed, and who may change and list subscriptions."""

from collections.abc import Iterator
from typing import Any

import pytest

from e2e.conftest import needs_root
from e2e.harness import running
from e2e.people import ANNA, BERT, OPERATORS, Person, used_by_groups
from e2e.receiving import Receiver
from e2e.telling import ended, failing
from e2e.wire import Wire, connected


@pytest.fixture(scope="module")
def refusing() -> Iterator[Wire]:
    """A connection to a daemon that does no work: every request to it is refused."""
    with running() as daemon, Wire(daemon.socket) as wire:
        yield wire


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "2130706433", "0x7f.1", "[::1]", "[::ffff:10.0.0.1]", "169.254.169.254"]
)
def test_an_address_that_is_not_public_is_refused_when_it_is_put(host: str, refusing: Wire) -> None:
    recipient = {"channel": "webhook", "url": f"https://{host}/hook"}
    subscription = {"id": "a", "event": "job-failed", "recipient": recipient}
    refusal = refusing.refused("notification.put", subscription=subscription)
    assert refusal.data["path"] == "$.subscription.recipient.url"
    assert "[notifications] allow" in str(refusal)


def test_a_delivery_to_a_host_name_of_a_private_address_is_dead_at_once(
    wire_without_allow: Wire, receiver: Receiver
) -> None:
    wire = wire_without_allow
    recipient = {"channel": "webhook", "url": f"https://localhost:{receiver.port}/hook"}
    wire.call("notification.put", subscription={"id": "a", "event": "job-failed", "recipient": recipient})
    failing(wire)
    (attempt,) = ended(wire, "dead")["attempts"]
    assert attempt["error"].startswith("blocked_address")
    assert "[notifications] allow" in attempt["error"]
    assert not receiver.taken()


@pytest.fixture
def wire_without_allow() -> Iterator[Wire]:
    with running() as daemon, Wire(daemon.socket) as wire:
        connected(wire)
        yield wire


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"filters": [{"field": "job.colour", "value": "red"}]}, "$.subscription.filters[0].field"),
        ({"recipient": {"channel": "webhook", "url": "ftp://a/"}}, "$.subscription.recipient.url"),
        ({"recipient": {"channel": "webhook", "url": "https://a:b@c/"}}, "$.subscription.recipient.url"),
        (
            {"recipient": {"channel": "webhook", "url": "https://a/", "#secret": "whsec_abc"}},
            "$.subscription.recipient.#secret",
        ),
        ({"event": "job-exploded"}, "$.subscription.event"),
    ],
)
def test_a_faulty_subscription_is_refused_with_its_path(
    changes: dict[str, Any], path: str, refusing: Wire
) -> None:
    recipient = {"channel": "webhook", "url": "https://hooks.example.com/"}
    subscription = {"id": "a", "event": "job-failed", "recipient": recipient, **changes}
    assert refusing.refused("notification.put", subscription=subscription).data["path"] == path


def test_subscriptions_can_be_filtered(wire_without_allow: Wire) -> None:
    wire = wire_without_allow
    recipient = {"channel": "webhook", "url": "https://hooks.example.com/"}
    filters = [{"field": "job.component.id", "value": "acme.load"}]
    for name, event, some in (("a", "job-failed", filters), ("b", ["job-started", "job-failed"], [])):
        subscription = {"id": name, "event": event, "recipient": recipient, "filters": some}
        wire.call("notification.put", subscription=subscription)

    def listed(**wanted: Any) -> list[str]:
        return [
            one["id"] for one in wire.call("notification.list", fields=["state"], **wanted)["subscriptions"]
        ]

    assert (listed(), listed(event="job-started")) == (["a", "b"], ["b"])
    assert (listed(component="acme.load"), listed(channel="webhook")) == (["a"], ["a", "b"])


@needs_root
def test_another_operator_may_not_change_a_subscription() -> None:
    with used_by_groups() as daemon:
        anna, bert = Person(daemon, ANNA, OPERATORS), Person(daemon, BERT, OPERATORS)
        recipient = {"channel": "webhook", "url": "https://hooks.example.com/"}
        subscription = {"id": "a", "event": "job-failed", "recipient": recipient}
        anna.call("notification.put", subscription=subscription)
        changed = subscription | {"state": "disabled"}
        assert bert.kind("notification.put", subscription=changed) == "forbidden"
        assert bert.kind("notification.delete", id="a") == "forbidden"
        assert bert.kind("notification.rotate", id="a") == "forbidden"
        assert bert.call("notification.get", id="a")["state"] == "enabled"
        assert anna.call("notification.delete", id="a")["id"] == "a"
