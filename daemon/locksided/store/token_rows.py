"""Rows of tokens."""

import msgspec


class TokenRow(msgspec.Struct, frozen=True):
    """A token: its owner, what it allows, and the hash of its secret. `expires_us` None is never."""

    id: int
    project: str
    name: str
    uid: int
    gid: int
    user: str
    role: str
    sha256: bytes
    made_with: int | None
    created_us: int
    expires_us: int | None
