"""Events as they are listed and pushed."""

from typing import Any

from msgspec import UNSET, UnsetType, field

from lockside.documents.base import ListPage, Out
from lockside.protocol.types.origins import PrincipalRef


class Event(Out, frozen=True, kw_only=True):
    """An event. Events are written in the transaction of the change.

    Attributes:
        seq: The number of the event and the cursor; never reused.
        kind: The kind, as in `job.status`.
        project: The project.
        run_id: The job's `runId`.
        data: The data of this kind of event.
    """

    seq: int
    time: str
    kind: str
    project: str | None = None
    job: str | None = None
    run_id: str | None = None
    principal: PrincipalRef | None = None
    data: dict[str, Any] = {}


class LostEvents(Out, frozen=True, kw_only=True):
    """Events that were not delivered: from the first to the last `seq`, inclusive.

    Attributes:
        from_: The first `seq`.
        to: The last `seq`.
    """

    from_: int = field(name="from")
    to: int


class EventPage(ListPage, frozen=True, kw_only=True):
    """A page of events, in order.

    Attributes:
        events: The events, in order.
        cursor: The `seq` of the last event of the page.
        lost: Events before the page that are no longer kept.
    """

    events: list[Event]
    cursor: int
    lost: LostEvents | UnsetType = UNSET


class Subscription(Out, frozen=True, kw_only=True):
    """A subscription of this connection.

    Attributes:
        cursor: The `seq` after which it begins.
    """

    subscription: str
    cursor: int


class Unsubscribed(Out, frozen=True, kw_only=True):
    """The subscription that ended."""

    subscription: str


class EventPush(Out, frozen=True, kw_only=True):
    """Parameters of the notification `event`.

    Attributes:
        events: The events, in order.
    """

    subscription: str
    events: list[Event]


class EventLost(Out, frozen=True, kw_only=True):
    """Parameters of the notification `event.lost`: read the gap with `event.list`.

    Attributes:
        from_: The first `seq`.
        to: The last `seq`.
    """

    subscription: str
    from_: int = field(name="from")
    to: int
