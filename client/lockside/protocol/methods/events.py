"""The methods of events."""

from typing import Annotated

from msgspec import Meta

from lockside.documents.base import MAX_INTEGER, EventKind, JobId, RunIdPrefix
from lockside.protocol.declaration import Cursor, Params, method
from lockside.protocol.errors import ErrorKind
from lockside.protocol.types.events import EventPage, Subscription, Unsubscribed
from lockside.protocol.words import Role


class EventFilters(Params, frozen=True, kw_only=True):
    """Filters of events; all that are given must match.

    Attributes:
        after: Only events with a higher `seq`.
        kinds: Only events of these kinds.
        job: Only events of this job.
        run_id_prefix: Only events of jobs whose `runId` begins with this text: "12." means all jobs below job
            12.
    """

    after: Annotated[int, Meta(ge=0, le=MAX_INTEGER)] | None = None
    kinds: Annotated[list[EventKind], Meta(max_length=100)] = []
    job: JobId | None = None
    run_id_prefix: RunIdPrefix | None = None


@method(
    "event.list",
    Role.VIEWER,
    answers=EventPage,
    refuses=[ErrorKind.NOT_FOUND],
    example={"after": 100, "kinds": ["job.status"]},
)
class EventList(EventFilters, frozen=True, kw_only=True):
    """List events in order.

    The list starts with the oldest event unless `after` or `cursor` is given.

    Attributes:
        limit: The maximum number of events.
        cursor: The `nextCursor` of the page before.
    """

    limit: Annotated[int, Meta(ge=1, le=10_000)] = 1000
    cursor: Cursor | None = None


@method(
    "event.subscribe",
    Role.VIEWER,
    answers=Subscription,
    refuses=[ErrorKind.NOT_FOUND],
    of_connection=True,
    example={"runIdPrefix": "12."},
)
class EventSubscribe(EventFilters, frozen=True, kw_only=True):
    """Send events to this connection as they happen.

    They start with the next event unless `after` is given."""


@method(
    "event.unsubscribe",
    Role.VIEWER,
    answers=Unsubscribed,
    refuses=[ErrorKind.NOT_FOUND],
    of_connection=True,
    example={"subscription": "1"},
)
class EventUnsubscribe(Params, frozen=True, kw_only=True):
    """End a subscription.

    Attributes:
        subscription: The id that `event.subscribe` returned.
    """

    subscription: Annotated[str, Meta(min_length=1, max_length=255)]
