"""Cursors: opaque texts that name a place in an order, stable whatever is inserted or removed meanwhile."""

import base64
import binascii

import msgspec

from locksided.core.errors import Invalid
from locksided.store.jobfilter import Page


class Place(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """The last job of a page: its value in the order, and its id."""

    order: str
    descending: bool
    key: int
    id: int


def written(page: Page, key: int, job_id: int) -> str:
    """Answer the cursor behind the job with this `key` in the page's order."""
    place = Place(page.order_by.value, page.descending, key, job_id)
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")


def read(page: Page) -> Place | None:
    """Answer where the page begins, None at the start; Invalid if it is of another order or no cursor."""
    if page.cursor is None:
        return None
    try:
        padded = page.cursor + "=" * (-len(page.cursor) % 4)
        place = msgspec.json.decode(base64.b64decode(padded, b"-_", validate=True), type=Place)
    except (binascii.Error, msgspec.DecodeError, ValueError) as error:
        raise Invalid("this is no cursor: pass the nextCursor of the page before", path="$.cursor") from error
    if (place.order, place.descending) != (page.order_by.value, page.descending):
        raise Invalid("the cursor is of a list in another order: keep orderBy and order", path="$.cursor")
    return place
