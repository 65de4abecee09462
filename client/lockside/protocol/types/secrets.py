"""What is answered about secrets and keys."""

from typing import Any, Literal

from msgspec import UNSET, UnsetType

from lockside.documents.base import Out


class Encrypted(Out, frozen=True, kw_only=True, omit_defaults=True):
    """What was encrypted: `value` or `data`, as in the request.

    Attributes:
        value: The cipher text of the value.
        data: The document with the cipher texts of its secrets.
    """

    value: str | UnsetType = UNSET
    data: Any = UNSET


class SecretKey(Out, frozen=True, kw_only=True):
    """A key.

    Attributes:
        id: The first 8 hexadecimal digits of its SHA-256.
        source: Where it is: a `credential`, the setting `key_file`, or the `state folder`; `missing` for a
            key that stored values need and that is nowhere.
        values: How many stored values it encrypts, those of old versions included.
    """

    id: str
    source: Literal["credential", "key_file", "state folder", "missing"]
    values: int


class KeyList(Out, frozen=True, kw_only=True):
    """The keys, the newest first.

    Attributes:
        keys: The keys.
    """

    keys: list[SecretKey]


class Rotated(Out, frozen=True, kw_only=True):
    """A new key.

    Attributes:
        id: The id of the new key.
        values: How many values were encrypted under it.
    """

    id: str
    values: int


class Reencrypted(Out, frozen=True, kw_only=True):
    """What was encrypted under the newest key.

    Attributes:
        values: How many values were encrypted.
    """

    values: int


class KeyDropped(Out, frozen=True, kw_only=True):
    """A key that is gone.

    Attributes:
        id: The key's id.
    """

    id: str
