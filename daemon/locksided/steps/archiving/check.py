"""Checks whether a system can be reached, listed, and written to."""

import os
from collections.abc import Mapping
from io import BytesIO
from typing import Any

from lockside.documents.staging import SYSTEM
from locksided.steps.program import UserFault
from locksided.steps.staging.places import Place
from locksided.steps.staging.remote import Session, refuse_outside
from locksided.steps.staging.sources import Broken, Missing, Refused

CONTENT = b"Lockside wrote this file to see whether it can, and removes it at once.\n"


def check(order: Mapping[str, Any]) -> dict[str, Any]:
    """List the root and, if the system is writable, write a file there and remove it."""
    place = Place.of(f"{SYSTEM}://{order['system']}", {}, order)
    try:
        if place.is_fetched_alone:
            _require_answer(place)
            entries = None
        else:
            with place.connect()() as session:
                entries = _listed(session, place, is_writable=order["isWritable"])
    except (Refused, Broken) as problem:
        raise UserFault(f"System {order['system']!r} cannot be used: {problem}") from None
    return {"result": {"entries": entries}}


def _require_answer(place: Place) -> None:
    """Check that a server answers; its files cannot be listed."""
    try:
        with place.source({}).open(0, None):
            pass
    except Missing:
        return


def _listed(session: Session, place: Place, *, is_writable: bool) -> int:
    entries = len(session.names(place.path))
    if is_writable:
        path = f"{place.path.rstrip('/')}/lockside-check-{os.urandom(8).hex()}"
        refuse_outside(session, place.path, place.root)
        session.put(path, BytesIO(CONTENT), len(CONTENT))
        session.remove(path)
    return entries
