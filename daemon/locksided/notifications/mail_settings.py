"""How mails are sent, as a courier is told: the settings, with the password from a credential or a file."""

import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from locksided.settings import EmailSettings

CREDENTIAL = "lockside.email"
_PORTS = {"starttls": 587, "tls": 465, "none": 25}


def mail_server(settings: EmailSettings, environment: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """The members of a courier's file. A password that cannot be read is a `problem` of its mails alone."""
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
    if not password.isascii():  # smtplib would name the first such character
        raise ValueError("it has characters that are not ASCII")
    return password
