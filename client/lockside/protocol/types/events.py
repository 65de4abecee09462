# ruff: noqa: RUF012 - msgspec copies empty defaults, one for each object
"""Events as they are listed and pushed."""

from typing import Any

from msgspec import UNSET, UnsetType, field

from lockside.documents.base import Out
from lockside.protocol.types.jobs import PrincipalRef


class Event(Out, frozen=True, kw_only=True):
    """Something that happened; `seq` is never reused and is the cursor."""

    seq: int
    time: str
    kind: str
    project: str | None = None
    job: str | None = None
    run_id: str | None = None
    principal: PrincipalRef | None = None
    data: dict[str, Any] = {}


class LostEvents(Out, frozen=True, kw_only=True):
    """Events that were not delivered: from the first to the last `seq`, both included."""

    from_: int = field(name="from")
    to: int


class EventPage(Out, frozen=True, kw_only=True):
    """Events in their order; `lost` is there when some before them are kept no more."""

    events: list[Event]
    cursor: int
    lost: LostEvents | UnsetType = UNSET


class Subscription(Out, frozen=True, kw_only=True):
    """A subscription of this connection and the `seq` it starts after."""

    subscription: str
    cursor: int


class Unsubscribed(Out, frozen=True, kw_only=True):
    """The subscription that ended."""

    subscription: str


class EventPush(Out, frozen=True, kw_only=True):
    """Parameters of the notification `event`."""

    subscription: str
    events: list[Event]


class EventLost(Out, frozen=True, kw_only=True):
    """Parameters of the notification `event.lost`: read the gap with `event.list`."""

    subscription: str
    from_: int = field(name="from")
    to: int
