"""A receiver of mail: a real SMTP server that keeps what it received and answers as the test says."""

import queue
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from e2e.processes import PATIENCE_SECONDS


@dataclass(frozen=True)
class Mail:
    """A received mail, with the addresses of its envelope."""

    addresses: list[str]
    message: EmailMessage

    @property
    def subject(self) -> str:
        return str(self.message["Subject"])

    @property
    def text(self) -> str:
        return str(self.message.get_content())


class Mailbox:
    """Answers `answer` to each mail, or the next of `answers`; refuses the addresses in `refused`.

    `logins` are the user names and passwords that it received.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self.answer = "250 Ok"
        self.answers: list[str] = []
        self.refused: dict[str, str] = {}
        self.logins: list[tuple[str, str]] = []
        self._mails: queue.Queue[Mail] = queue.Queue()

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: Any, _session: Any, envelope: Any, address: str, _: Any
    ) -> str:
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        return "250 Ok"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        message = cast("EmailMessage", message_from_bytes(envelope.content, policy=default))
        self._mails.put(Mail(list(envelope.rcpt_tos), message))
        return self.answers.pop(0) if self.answers else self.answer

    def authenticate(self, *given: Any) -> AuthResult:
        login = given[-1]
        self.logins.append((login.login.decode(), login.password.decode()))
        return AuthResult(success=True)

    def take(self) -> Mail:
        """Wait for the next mail and return it."""
        return self._mails.get(timeout=PATIENCE_SECONDS)

    def is_empty(self) -> bool:
        return self._mails.empty()


@contextmanager
def receiving_mails(certificate: Path | None = None, *, is_tls: bool = False) -> Iterator[Mailbox]:
    """A server for one test; with a certificate it offers STARTTLS, or speaks TLS from the start."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    mailbox = Mailbox(port)
    secured: dict[str, Any] = {}
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        secured = {"ssl_context" if is_tls else "tls_context": context}
        secured |= {"authenticator": mailbox.authenticate, "auth_require_tls": not is_tls}
    controller = Controller(mailbox, hostname="127.0.0.1", port=port, **secured)
    controller.start()
    try:
        yield mailbox
    finally:
        controller.stop()


def new_certificate(path: Path, name: str, *, days: int = 1) -> Path:
    """Write a file with a key and a self-signed certificate for a host name."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    ends = datetime.now(UTC) + timedelta(days=days)
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(ends - timedelta(days=2))
        .not_valid_after(ends)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    encoding, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    path.write_bytes(
        key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, plain) + made.public_bytes(encoding)
    )
    return path
