"""Mail over TLS: real servers with certificates that the machine trusts, and with other ones."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from campaign.figures import LONG
from e2e.harness import Daemon, running
from e2e.mailbox import Mailbox, new_certificate, receiving_mails
from e2e.telling import NOON, ended, failing, put
from e2e.wire import connected

USER, PASSWORD = "lockside", "p4ss-w0rd"
TEAM = {"channel": "email", "address": "team@example.com"}


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that couriers can read; where the tests run as root, couriers run as nobody."""
    with TemporaryDirectory() as made:
        Path(made).chmod(0o755)
        yield Path(made)


def mailing(
    mailbox: Mailbox, security: str, trusted: Path, folder: Path, **more: str
) -> AbstractContextManager[Daemon]:
    """A daemon that sends mail as a user of that server, on a machine that trusts one certificate."""
    password = folder / "password"
    password.write_text(f"{PASSWORD}\n")
    server = {
        "LOCKSIDE_EMAIL__HOST": "localhost",
        "LOCKSIDE_EMAIL__PORT": str(mailbox.port),
        "LOCKSIDE_EMAIL__SECURITY": security,
        "LOCKSIDE_EMAIL__SENDER": "lockside@example.com",
        "LOCKSIDE_EMAIL__USER": USER,
        "LOCKSIDE_EMAIL__PASSWORD_FILE": str(password),
        "SSL_CERT_FILE": str(trusted),
    }
    return running("--test-clock", NOON, **server, **more)


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_a_mail_and_the_password_go_over_tls(security: str, folder: Path) -> None:
    certificate = new_certificate(folder / "localhost.pem", "localhost")
    with (
        receiving_mails(certificate, is_tls=security == "tls") as mailbox,
        mailing(mailbox, security, certificate, folder) as daemon,
    ):
        wire = daemon.wire()
        connected(wire)
        put(wire, TEAM)
        job = failing(wire)
        assert mailbox.take().subject == f"lockside: job-failed: job {job['id']} (lockside.command)"
        assert ended(wire, "delivered")["attempts"][0]["statusCode"] == 250
        assert mailbox.logins == [(USER, PASSWORD)]


def failed_attempt(daemon: Daemon) -> dict[str, Any]:
    """Return the first delivery attempt for a failed job; it did not arrive."""
    wire = daemon.wire()
    connected(wire)
    put(wire, TEAM)
    number = wire.call("event.subscribe", kinds=["notification.failed"])["subscription"]
    failing(wire)
    wire.notice()
    wire.call("event.unsubscribe", subscription=number)
    (delivery,) = wire.call("notification.deliveries")["deliveries"]
    assert delivery["status"] == "pending"
    attempt: dict[str, Any] = delivery["attempts"][0]
    return attempt


UNTRUSTED = [
    ("localhost", 1, False, "self-signed certificate"),
    ("mail.example.com", 1, True, "Hostname mismatch"),
    ("localhost", -1, True, "certificate has expired"),
]
EACH_ONCE = zip(("tls", "starttls", "tls"), UNTRUSTED, strict=True)


@pytest.mark.parametrize(
    ("security", "certificate"), product(("tls", "starttls"), UNTRUSTED) if LONG else EACH_ONCE
)
def test_nothing_is_sent_to_a_server_whose_certificate_is_not_trusted(
    security: str, certificate: tuple[str, int, bool, str], folder: Path
) -> None:
    name, days, is_trusted, why = certificate
    own = new_certificate(folder / "server.pem", name, days=days)
    other = new_certificate(folder / "other.pem", "localhost")
    trusted = own if is_trusted else other
    with (
        receiving_mails(own, is_tls=security == "tls") as mailbox,
        mailing(mailbox, security, trusted, folder) as daemon,
    ):
        attempt = failed_attempt(daemon)
        assert why.lower() in attempt["error"].lower()
        assert attempt["statusCode"] is None
        assert mailbox.logins == []
        assert mailbox.is_empty()


def test_nothing_is_sent_to_a_server_without_starttls(folder: Path) -> None:
    certificate = new_certificate(folder / "localhost.pem", "localhost")
    with receiving_mails() as mailbox, mailing(mailbox, "starttls", certificate, folder) as daemon:
        assert "STARTTLS" in failed_attempt(daemon)["error"]
        assert mailbox.is_empty()


@pytest.mark.parametrize("content", [None, "pässwort"])
def test_a_password_that_cannot_be_used_is_a_failed_attempt(content: str | None, folder: Path) -> None:
    certificate = new_certificate(folder / "localhost.pem", "localhost")
    with (
        receiving_mails(certificate) as mailbox,
        mailing(mailbox, "starttls", certificate, folder) as daemon,
    ):
        (folder / "password").unlink()
        if content is not None:
            (folder / "password").write_text(content)
        error = failed_attempt(daemon)["error"]
        assert "The password cannot be read" in error
        assert "ä" not in error
