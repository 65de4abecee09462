"""Notifications with real daemons and real receivers: every event arrives, whatever dies meanwhile."""

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from e2e.conftest import needs_root
from e2e.harness import Daemon, running
from e2e.people import ANNA, OPERATORS, Person, used_by_groups
from e2e.processes import kill_and_wait
from e2e.receiving import Post, Receiver, couriers, receiving
from e2e.telling import NOON, ended, failing, put
from e2e.wire import Wire, connected, until_running
from lockside.documents.times import time_us

ALLOW = {"LOCKSIDE_NOTIFICATIONS__ALLOW": "127.0.0.0/8"}


@pytest.fixture
def daemon(fresh: Callable[..., Daemon]) -> Daemon:
    return fresh(**ALLOW)


def subscribed(wire: Wire, receiver: Receiver, **more: Any) -> dict[str, Any]:
    """Store a subscription to failed jobs, and return it with its secret."""
    recipient = {"channel": "webhook", "url": receiver.url, **more.pop("recipient", {})}
    return put(wire, recipient, **more)


def test_a_failed_job_is_reported_to_a_webhook_with_a_signature(daemon: Daemon, receiver: Receiver) -> None:
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
    assert wire.call("notification.get", id="failures")["recipient"]["#secret"] is None


def test_a_successful_job_is_not_reported_as_failed(daemon: Daemon, receiver: Receiver) -> None:
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


def test_a_job_that_fails_while_the_daemon_is_down_is_reported_afterwards(
    daemon: Daemon, receiver: Receiver
) -> None:
    wire = daemon.wire()
    subscribed(wire, receiver)
    job = until_running(wire, wire.shell("sleep 0.3; exit 1"))
    daemon.kill()
    connected(daemon.start().wire())
    assert receiver.take().data["job"]["id"] == job["id"]


@needs_root
def test_couriers_of_a_daemon_of_root_run_as_nobody(daemon: Daemon, receiver: Receiver) -> None:
    wire = daemon.wire()
    subscribed(wire, receiver)
    receiver.gate.clear()
    failing(wire)
    receiver.take()
    (pid,) = couriers(daemon)
    status = Path(f"/proc/{pid}/status").read_text()
    assert re.findall(r"^(?:Uid|Gid|Groups):[ \t]*(.*?)[ \t]*$", status, re.MULTILINE) == [
        *["\t".join(["65534"] * 4)] * 2,
        "",
    ]
    assert not list((daemon.state_dir / "asides").rglob("deliveries.json"))


def test_every_failed_job_arrives_although_daemon_and_couriers_are_killed(
    daemon: Daemon, receiver: Receiver
) -> None:
    wire = daemon.wire()
    subscribed(wire, receiver)
    failed, posts = set(), []
    for _ in range(4):
        jobs = [wire.shell("exit 1") for _ in range(10)] + [wire.shell("true")]
        failed |= {job["id"] for job in jobs[:-1]}
        posts.append(receiver.take())
        for pid in couriers(daemon):
            kill_and_wait(pid)
        daemon.kill()
        wire = daemon.start().wire()
        connected(wire)
    while {post.data["job"]["id"] for post in posts} != failed:
        posts.append(receiver.take())
    assert len({(post.id, post.body) for post in posts}) == len({post.id for post in posts}) == len(failed)


# -- attempts, with a clock that is advanced -----------------------------------------------------------------


@pytest.fixture
def clocked() -> Iterator[Wire]:
    with running("--test-clock", NOON, **ALLOW) as daemon, Wire(daemon.socket) as wire:
        connected(wire)
        yield wire


def attempted(wire: Wire, count: int) -> dict[str, Any]:
    """Return the newest delivery once it has this many attempts."""
    number = wire.call("event.subscribe")["subscription"]
    try:
        while not (found := tried(wire, count)):
            wire.notice()
    finally:
        wire.call("event.unsubscribe", subscription=number)
    return found[0]


def tried(wire: Wire, count: int) -> list[dict[str, Any]]:
    """Return the newest delivery if it has this many attempts."""
    newest: list[dict[str, Any]] = wire.call("notification.deliveries", limit=1)["deliveries"]
    return [one for one in newest if len(one["attempts"]) >= count]


def test_a_failing_delivery_is_attempted_eight_times_and_can_be_redelivered(
    clocked: Wire, receiver: Receiver
) -> None:
    subscribed(clocked, receiver)
    receiver.status = 500
    failing(clocked)
    times = (0, 5, 305, 2105, 9305, 27305, 63305, 99305)
    posts = []
    for number, (before, due) in enumerate(pairwise((0, *times)), 1):
        if due > before:
            clocked.call("clock.advance", seconds=due - before - 1)
            assert len(attempted(clocked, number - 1)["attempts"]) == number - 1
            clocked.call("clock.advance", seconds=1)
        posts.append(receiver.take())
        attempted(clocked, number)
    dead = ended(clocked, "dead")
    begun = time_us(dead["createdTime"])
    assert [(time_us(one["time"]) - begun) // 1_000_000 for one in dead["attempts"]] == list(times)
    assert {one["error"] for one in dead["attempts"]} == {"status 500"}
    receiver.status = 204
    clocked.call("notification.redeliver", id=dead["id"])
    posts.append(receiver.take())
    assert len(ended(clocked, "delivered")["attempts"]) == 9
    assert {post.id for post in posts} == {f"msg_{dead['id']}"}
    assert len({post.body for post in posts}) == 1
    kinds = [event["kind"] for event in clocked.events() if event["kind"].startswith("notification.")]
    assert kinds == [
        "notification.created",
        *["notification.failed"] * 7,
        *("notification.dead", "notification.redelivered", "notification.delivered"),
    ]


def test_a_subscription_is_disabled_when_its_receiver_answers_gone(clocked: Wire, receiver: Receiver) -> None:
    subscribed(clocked, receiver)
    receiver.status = 410
    failing(clocked)
    assert len(ended(clocked, "dead")["attempts"]) == 1
    stored = clocked.call("notification.get", id="failures")
    assert (stored["state"], stored["changedBy"]["user"]) == ("disabled", "daemon")
    receiver.taken()
    failing(clocked)
    clocked.call("clock.advance", seconds=86_400)
    assert not receiver.taken()


def test_a_redirect_is_a_failed_attempt_and_is_not_followed(clocked: Wire, receiver: Receiver) -> None:
    with receiving() as other:
        receiver.status, receiver.headers = 302, {"Location": other.url}
        subscribed(clocked, receiver)
        failing(clocked)
        assert attempted(clocked, 1)["attempts"][0]["error"] == "status 302"
        assert not other.taken()


def test_the_retry_after_header_of_the_receiver_is_respected(clocked: Wire, receiver: Receiver) -> None:
    subscribed(clocked, receiver)
    receiver.status, receiver.headers = 503, {"Retry-After": "3600"}
    failing(clocked)
    assert attempted(clocked, 1)["nextAttemptTime"] == "2026-03-29T13:00:00.000000Z"


def test_after_a_rotation_both_secrets_sign_for_a_day(clocked: Wire, receiver: Receiver) -> None:
    first = subscribed(clocked, receiver)["recipient"]["#secret"]
    second = clocked.call("notification.rotate", id="failures")["secret"]
    for wait, signing, silent in ((86_399, [first, second], []), (1, [second], [first])):
        clocked.call("clock.advance", seconds=wait)
        failing(clocked)
        post = receiver.take()
        for secret in signing:
            Webhook(secret).verify(post.body, dict(post.headers))
        for secret in silent:
            with pytest.raises(WebhookVerificationError):
                Webhook(secret).verify(post.body, dict(post.headers))


def test_only_an_admin_can_read_the_secret_of_a_project() -> None:
    with used_by_groups() as daemon:
        anna = Person(daemon, ANNA, OPERATORS)
        assert anna.kind("notification.rotate", id="project") == "forbidden"
        wire = daemon.wire()
        first, second = (wire.call("notification.rotate", id="project")["secret"] for _ in range(2))
        assert first != second
        told = [one["data"] for one in wire.events(kinds=["notification.rotated"])]
        assert told == [{"id": "project"}] * 2
        taken = {
            "id": "project",
            "event": "job-failed",
            "recipient": {"channel": "webhook", "url": "https://a.b"},
        }
        assert wire.refused("notification.put", subscription=taken).data["path"] == "$.subscription.id"
        (before,) = wire.call("secret.keys")["keys"]
        assert wire.call("secret.rotate")["values"] == before["values"]
        daemon.stop()
        stored = b"".join(path.read_bytes() for path in daemon.state_dir.glob("lockside.db*"))
        assert not [one for one in (first, second) if one.encode() in stored]


def test_a_given_secret_signs_and_is_in_no_answer(clocked: Wire, receiver: Receiver) -> None:
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    answer = subscribed(clocked, receiver, recipient={"#secret": secret})
    failing(clocked)
    post = receiver.take()
    Webhook(secret).verify(post.body, dict(post.headers))
    fresh = clocked.call("notification.rotate", id="failures")["secret"]
    answers = [answer, clocked.call("notification.get", id="failures"), clocked.events()]
    answers += [clocked.call("notification.list"), clocked.call("notification.versions", id="failures")]
    assert not [said for said in map(str, answers) if secret in said or fresh in said]


# -- noise --------------------------------------------------------------------------------------------------


def test_consecutive_failures_are_reported_once_and_so_is_the_recovery(
    daemon: Daemon, receiver: Receiver
) -> None:
    wire = daemon.wire()
    events = ["job-failed", "job-recovered"]
    subscribed(wire, receiver, event=events, afterFailures=3, repeat="change")
    ids = [load(wire, end)["id"] for end in "FFFFSFS"]
    first, second = receiver.take(), receiver.take()
    told = {(post.type, post.data["job"]["id"]) for post in (first, second)}
    assert told == {("job-failed", ids[2]), ("job-recovered", ids[4])}
    failing(wire, name="another")
    assert not receiver.taken()


def load(wire: Wire, end: str) -> dict[str, Any]:
    """Run one configuration, successfully or not."""
    shell = "true" if end == "S" else "exit 1"
    return wire.done(wire.shell(shell, name="load"))


def test_only_events_that_pass_all_filters_are_reported(daemon: Daemon, receiver: Receiver) -> None:
    wire = daemon.wire()
    for name, one in {
        "its team": {"field": "job.labels.team", "value": "core"},
        "another team": {"field": "job.labels.team", "value": "edge"},
        "another component": {"field": "job.component.id", "operator": "!=", "value": "acme.load"},
        "longer": {"field": "job.durationSeconds", "operator": ">=", "value": 3600},
    }.items():
        subscribed(wire, receiver, id=name.replace(" ", "-"), filters=[one])
    subscribed(wire, receiver, id="all")
    failing(wire, labels={"team": "core"})
    for _ in range(3):
        receiver.take()
    told = {one["subscription"] for one in wire.call("notification.deliveries")["deliveries"]}
    assert told == {"all", "its-team", "another-component"}


def test_an_expired_subscription_sends_nothing(clocked: Wire, receiver: Receiver) -> None:
    subscribed(clocked, receiver)
    stored = subscribed(clocked, receiver, id="short", expiresAt="+24 hours")
    assert stored["expiresAt"] == "2026-03-30T12:00:00.000000Z"
    for seconds, count in ((86_400, 2), (1, 1)):
        clocked.call("clock.advance", seconds=seconds)
        failing(clocked)
        assert len([receiver.take() for _ in range(count)]) == count
    clocked.call("clock.advance", seconds=1)
    assert not receiver.taken()


def test_a_test_notification_is_sent_at_once_and_its_outcome_is_returned(
    daemon: Daemon, receiver: Receiver
) -> None:
    wire = daemon.wire()
    connected(wire)
    subscribed(wire, receiver)
    receiver.statuses = [204, 500]
    first, second = (wire.call("notification.test", id="failures") for _ in range(2))
    assert (first["status"], first["statusCode"]) == ("delivered", 204)
    assert (second["status"], second["error"]) == ("failed", "status 500")
    assert {post.type for post in receiver.taken()} == {"test"}
    assert not wire.call("notification.deliveries")["deliveries"]


# -- rights, files, secrets ---------------------------------------------------------------------------------


def test_webhook_secrets_are_never_stored_in_plain_and_still_sign_after_a_key_rotation(
    daemon: Daemon, receiver: Receiver
) -> None:
    wire = daemon.wire()
    given = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    made = subscribed(wire, receiver)["recipient"]["#secret"]
    subscribed(wire, receiver, id="given", recipient={"#secret": given})
    known = [made, wire.call("notification.rotate", id="failures")["secret"], given]
    wire.call("secret.rotate")
    failing(wire)
    posts = [receiver.take(), receiver.take()]
    for secret in known:
        assert any(signs(secret, post) for post in posts)
    daemon.stop()
    stored = b"".join(path.read_bytes() for path in daemon.state_dir.glob("lockside.db*"))
    assert b'"#made"' in stored
    assert not [secret for secret in known if secret.encode() in stored]


def signs(secret: str, post: Post) -> bool:
    with suppress(WebhookVerificationError):
        Webhook(secret).verify(post.body, dict(post.headers))
        return True
    return False


def test_pending_deliveries_of_a_deleted_subscription_are_cancelled(
    clocked: Wire, receiver: Receiver
) -> None:
    subscribed(clocked, receiver)
    receiver.status = 500
    failing(clocked)
    attempted(clocked, 1)
    clocked.call("notification.delete", id="failures")
    assert len(ended(clocked, "cancelled")["attempts"]) == 1
    receiver.taken()
    clocked.call("clock.advance", seconds=5)
    assert not receiver.taken()
