"""Mail and commands: real SMTP servers and programs receive notifications, several of them in one message."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e.conftest import needs_root
from e2e.harness import Daemon, running
from e2e.mailbox import Mailbox, receiving_mails
from e2e.people import ANNA, OPERATORS, Person, used_by_groups
from e2e.receiving import receiving
from e2e.telling import NOON, ended, failing, put
from e2e.wire import Wire, connected

TEAM = {"channel": "email", "address": "team@example.com"}


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with receiving_mails() as one:
        yield one


@pytest.fixture
def wire(mailbox: Mailbox) -> Iterator[Wire]:
    with mailing(mailbox) as daemon, Wire(daemon.socket) as one:
        connected(one)
        yield one


def mailing(mailbox: Mailbox, *arguments: str, **settings: str) -> Any:
    """A daemon that sends mail."""
    server = {
        "LOCKSIDE_EMAIL__HOST": "127.0.0.1",
        "LOCKSIDE_EMAIL__PORT": str(mailbox.port),
        "LOCKSIDE_EMAIL__SECURITY": "none",
        "LOCKSIDE_EMAIL__SENDER": "lockside@example.com",
        "LOCKSIDE_WEB__URL": "https://jobs.example.com/",
    }
    return running(*(arguments or ("--test-clock", NOON)), **server, **settings)


def test_a_failed_job_is_reported_by_mail(wire: Wire, mailbox: Mailbox) -> None:
    put(wire, {"channel": "email", "address": ["team@example.com", "boss@example.com"]})
    job = failing(wire, name="load")
    mail = mailbox.take()
    delivery = ended(wire, "delivered")
    assert mail.addresses == ["team@example.com", "boss@example.com"]
    assert mail.subject == f"lockside: job-failed: job {job['id']} (load)"
    assert mail.message["Message-ID"] == f"<msg_{delivery['id']}@example.com>"
    assert mail.message["Auto-Submitted"] == "auto-generated"
    assert "component: lockside.command" in mail.text
    assert f"page: https://jobs.example.com/jobs/{job['id']}" in mail.text
    assert delivery["recipient"]["address"] == ["team@example.com", "boss@example.com"]
    assert delivery["attempts"][0]["statusCode"] == 250


def test_no_name_can_inject_a_mail_header(wire: Wire, mailbox: Mailbox) -> None:
    put(wire, TEAM)
    failing(wire, name="load\r\nBcc: all@example.com")
    mail = mailbox.take()
    assert mail.message["Bcc"] is None
    assert mail.addresses == ["team@example.com"]


def test_notifications_within_the_digest_interval_are_one_mail(wire: Wire, mailbox: Mailbox) -> None:
    put(wire, TEAM)
    for seconds in (0, 10, 10):
        wire.call("clock.advance", seconds=seconds)
        failing(wire, name=f"load-{seconds}")
    first = mailbox.take()
    wire.call("clock.advance", seconds=279)
    assert mailbox.is_empty()
    wire.call("clock.advance", seconds=1)
    second = mailbox.take()
    wire.call("clock.advance", seconds=100)
    failing(wire)
    third = mailbox.take()
    assert "job-failed" in first.subject
    assert second.subject == "lockside: 2 notifications"
    assert [line.split("  ")[1].split(":")[0] for line in second.text.splitlines()] == ["job-failed"] * 2
    assert "job-failed" in third.subject
    delivered = wire.call("notification.deliveries")["deliveries"]
    assert len(delivered) == 4


@pytest.mark.parametrize(
    ("answer", "status", "attempts"), [("451 Later", "pending", 1), ("550 Never", "dead", 1)]
)
def test_a_temporary_refusal_is_retried_and_a_permanent_one_is_not(
    answer: str, status: str, attempts: int, wire: Wire, mailbox: Mailbox
) -> None:
    mailbox.answer = answer
    put(wire, TEAM)
    number = wire.call("event.subscribe", kinds=["notification.failed", "notification.dead"])["subscription"]
    failing(wire)
    wire.notice()
    wire.call("event.unsubscribe", subscription=number)
    (delivery,) = wire.call("notification.deliveries")["deliveries"]
    assert (delivery["status"], len(delivery["attempts"])) == (status, attempts)
    assert delivery["attempts"][0]["statusCode"] == int(answer.split(maxsplit=1)[0])


def test_a_mail_address_is_refused_without_a_server_or_for_a_foreign_domain(
    wire: Wire, mailbox: Mailbox, daemon: Daemon
) -> None:
    subscription = {"id": "a", "event": "job-failed", "recipient": TEAM}
    refusal = daemon.wire().refused("notification.put", subscription=subscription)
    assert refusal.data["path"] == "$.subscription.recipient"
    assert "[email] host" in str(refusal)
    with mailing(mailbox, LOCKSIDE_EMAIL__ALLOW_DOMAINS="example.org") as strict:
        refusal = strict.wire().refused("notification.put", subscription=subscription)
        assert refusal.data["path"] == "$.subscription.recipient.address"


def test_a_command_reads_the_notification_and_its_exit_code_counts(wire: Wire, tmp_path: Path) -> None:
    told = tmp_path / "told"
    script = f'cat > "{told}"; test -e "{tmp_path}/ok"'
    put(wire, {"channel": "command", "command": ["/bin/sh", "-c", script]})
    number = wire.call("event.subscribe", kinds=["notification.failed"])["subscription"]
    job = failing(wire)
    wire.notice()
    wire.call("event.unsubscribe", subscription=number)
    (delivery,) = wire.call("notification.deliveries")["deliveries"]
    assert delivery["attempts"][0]["error"] == "exit code 1"
    (tmp_path / "ok").touch()
    wire.call("clock.advance", seconds=5)
    assert len(ended(wire, "delivered")["attempts"]) == 2
    body = json.loads(told.read_text())
    assert (body["type"], body["data"]["job"]["id"]) == ("job-failed", job["id"])


def test_a_command_can_be_tested_at_once(wire: Wire) -> None:
    good, bad = (
        wire.call("notification.test", recipient={"channel": "command", "command": ["/bin/sh", "-c", text]})
        for text in ('grep -q \'"type":"test"\'', "echo no >&2; exit 3")
    )
    assert (good["status"], good["error"]) == ("delivered", None)
    assert (bad["status"], bad["error"]) == ("failed", "exit code 3: no")


@needs_root
def test_a_command_runs_as_the_owner_of_its_subscription() -> None:
    with used_by_groups() as daemon:
        anna = Person(daemon, ANNA, OPERATORS)
        recipient = {"channel": "command", "command": ["/bin/sh", "-c", f"test $(id -u) = {ANNA}"]}
        anna.call("notification.put", subscription={"id": "a", "event": "job-failed", "recipient": recipient})
        with Wire(daemon.socket) as wire:
            connected(wire)
            failing(wire)
            assert ended(wire, "delivered")["recipient"]["command"] == "/bin/sh"


def test_apply_refuses_whatever_a_put_would_refuse(daemon: Daemon) -> None:
    wire = daemon.wire()
    blocked = {"channel": "webhook", "url": "https://169.254.169.254/"}
    for recipient, member in ((blocked, ".url"), (TEAM, "")):
        subscription = {"id": "a", "event": "job-failed", "recipient": recipient}
        refusal = wire.refused("catalog.apply", notifications=[subscription])
        assert refusal.data["path"] == f"$.notifications[0].recipient{member}"


def test_a_url_that_is_a_secret_is_posted_to_and_shown_to_nobody() -> None:
    allow = {"LOCKSIDE_NOTIFICATIONS__ALLOW": "127.0.0.0/8"}
    with receiving() as receiver, running(**allow) as daemon:
        wire = daemon.wire()
        connected(wire)
        put(wire, {"channel": "webhook", "#url": f"{receiver.url}/t0ken"})
        failing(wire)
        assert receiver.take().path == "/hook/t0ken"
        shown = [ended(wire, "delivered"), wire.call("notification.get", id="failures"), wire.events()]
        assert "t0ken" not in json.dumps(shown)
