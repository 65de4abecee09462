"""The courier program: its file, its start order, and a delivery while a caller waits."""

import json
import os
import socket
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from anyio import CancelScope

from lockside.documents.notification import Email, Webhook
from locksided import threads
from locksided.actors.asides import Asides
from locksided.joblog.reader import stream_bytes
from locksided.keeper.log.format import STDOUT
from locksided.keeper.messages import StartOrder
from locksided.notifications.recipients import Receiver, url_of
from locksided.runs import data_folder
from locksided.runs.step_programs import program_order
from locksided.settings import EmailSettings, Settings

CREDENTIAL = "lockside.email"
_PORTS = {"starttls": 587, "tls": 465, "none": 25}


def mail_server(settings: EmailSettings, environment: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """Return the server for a courier's file. An unreadable password is its `problem`, for mails alone."""
    server = {
        "host": settings.host,
        "port": settings.port or _PORTS[settings.security],
        "security": settings.security,
        "user": settings.user,
        "sender": settings.sender or f"lockside@{socket.getfqdn()}",
    }
    try:
        return {**server, "password": _password(settings, environment) if settings.user else None}
    except (OSError, ValueError) as problem:
        return {**server, "problem": f"The password cannot be read: {problem}"}


def _password(settings: EmailSettings, environment: Mapping[str, str]) -> str:
    credentials = environment.get("CREDENTIALS_DIRECTORY")
    credential = Path(credentials, CREDENTIAL) if credentials else None
    path = credential if credential is not None and credential.exists() else Path(settings.password_file)
    password = path.read_text("utf-8").rstrip("\n")
    if not password.isascii():  # smtplib's error would show the first such character
        raise ValueError("it has characters that are not ASCII")
    return password


TIMEOUT_SECONDS = 60.0
LOG_BYTES = 2**20
_ORDER_FILE = "deliveries.json"


class CourierProgram:
    """Starts couriers according to the settings."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def prepare(self, asides: Asides, token: str, entries: Sequence[Mapping[str, Any]]) -> None:
        """Write the file of deliveries for a courier. Raises OSError."""
        await threads.run_sync(partial(self._write, asides, token, entries))

    def _write(self, asides: Asides, token: str, entries: Sequence[Mapping[str, Any]]) -> None:
        has_mail = any("addresses" in one for one in entries)
        content = {
            "allow": list(self._settings.notifications.allow),
            "mailServer": mail_server(self._settings.email) if has_mail else None,
            "deliveries": list(entries),
        }
        data_folder.make_with_file(asides.folder(token), _ORDER_FILE, json.dumps(content))

    async def deliver_now(self, asides: Asides, one: Mapping[str, Any]) -> bytes:
        """Deliver one message that is not stored; returns the courier's output. Raises Unavailable."""
        token = asides.new_token()
        folder = asides.folder(token)
        try:
            await self.prepare(asides, token, [one])
            await asides.run(self.order(asides, token))
            return await threads.run_sync(stream_bytes, folder.log, STDOUT, LOG_BYTES)
        finally:
            with CancelScope(shield=True):
                await threads.run_sync(data_folder.remove_folder, folder, None)

    def order(self, asides: Asides, token: str) -> StartOrder:
        """Return the start order of a courier."""
        folder = asides.folder(token)
        return program_order(
            "courier", token, folder, _ORDER_FILE, log_bytes=LOG_BYTES, timeout_seconds=TIMEOUT_SECONDS
        )


def entry(number: int, message: str, key: str, receiver: Receiver, body: str) -> dict[str, Any]:
    """Return one delivery for a courier's file; those with the same key are sent one after the other."""
    one = {"id": number, "message": message, "receiver": key, "body": body}
    match receiver.recipient:
        case Webhook() as webhook:
            return {**one, "url": url_of(webhook), "secrets": list(receiver.secrets)}
        case Email() as mail:
            return {**one, "addresses": list(mail.addresses)}
        case other:
            raise TypeError(f"no courier delivers to {type(other).__name__}")
