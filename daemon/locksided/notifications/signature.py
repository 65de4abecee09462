"""Signatures of webhooks according to the specification Standard Webhooks. Standard library only."""

import base64
import hmac
import secrets
from collections.abc import Sequence

PREFIX = "whsec_"
MADE_BYTES = 32
TWO_SIGN_US = 24 * 3600 * 1_000_000
"""For how long the old secret also signs after a rotation."""


def new_secret() -> str:
    """Return a new random secret."""
    return PREFIX + base64.b64encode(secrets.token_bytes(MADE_BYTES)).decode()


def signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """Return one signature; `timestamp` is in seconds."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    signed = hmac.digest(key, f"{message_id}.{timestamp}.".encode() + body, "sha256")
    return f"v1,{base64.b64encode(signed).decode()}"


def headers(signing: Sequence[str], message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Return the headers of a POST that all these secrets sign."""
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signature(one, message_id, timestamp, body) for one in signing),
    }
