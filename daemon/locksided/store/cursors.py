"""Cursors: opaque texts for positions in an order, unaffected by concurrent inserts and deletes."""

import base64
import binascii
from typing import Annotated, Any

import msgspec

from locksided.core.errors import Invalid

Integer = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
"""A number that the database can hold."""


class Position(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """The last entry of a page: its list and order, and its key there."""

    order: str
    key: list[Any]


def written(order: str, *key: int | str) -> str:
    """Return the cursor after the entry with this key."""
    text = msgspec.json.encode(Position(order, list(key)))
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def read(cursor: str | None, order: str, key_type: Any) -> Any:
    """Return the key after which a page begins, a tuple of that type, None at the start.

    Invalid for an invalid cursor, and for the cursor of another list or order.
    """
    if cursor is None:
        return None
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        place = msgspec.json.decode(base64.b64decode(padded, b"-_", validate=True), type=Position)
        if place.order == order:
            return msgspec.convert(place.key, key_type)
    except (binascii.Error, msgspec.DecodeError, ValueError) as error:
        raise Invalid(
            "this is not a cursor: pass the nextCursor of the previous page", path="$.cursor"
        ) from error
    raise Invalid(
        "the cursor is of another list, or of this one in another order: keep all other parameters",
        path="$.cursor",
    )
