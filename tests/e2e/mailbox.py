"""A receiver of mails: a real SMTP server that keeps what it got and answers as it is told."""

import queue
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any, cast

from aiosmtpd.controller import Controller

from e2e.processes import PATIENCE_SECONDS


@dataclass(frozen=True)
class Mail:
    """One mail as it arrived, with the addresses of its envelope."""

    addresses: list[str]
    message: EmailMessage

    @property
    def subject(self) -> str:
        return str(self.message["Subject"])

    @property
    def text(self) -> str:
        return str(self.message.get_content())


class Mailbox:
    """Answers `answer` to each mail, or the next of `answers`; refuses the addresses in `refused`."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.answer = "250 Ok"
        self.answers: list[str] = []
        self.refused: dict[str, str] = {}
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

    def take(self) -> Mail:
        """The next mail, waited for."""
        return self._mails.get(timeout=PATIENCE_SECONDS)

    def is_empty(self) -> bool:
        return self._mails.empty()


@contextmanager
def receiving_mails() -> Iterator[Mailbox]:
    """A server of the test's own."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    mailbox = Mailbox(port)
    controller = Controller(mailbox, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield mailbox
    finally:
        controller.stop()
