"""Documents in a canonical byte form, so that equal documents are stored once."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import msgspec


@dataclass(frozen=True, slots=True)
class Frozen:
    """The bytes of a document and their hash (hex)."""

    hash: str
    body: bytes


def freeze(document: Any) -> Frozen:
    """Encode a document: equal documents give equal bytes, whatever the order of their keys."""
    body = msgspec.json.encode(document, order="deterministic")
    return Frozen(sha256(body).hexdigest()[:40], body)


def thaw(body: bytes) -> Any:
    """Decode a frozen document."""
    return msgspec.json.decode(body)
