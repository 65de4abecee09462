"""Repeats of calls about jobs, answered before anything is checked: what they stood on may be gone."""

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any, Protocol, TypeVar

from lockside.protocol.types.jobs import Purged, TerminationPlan
from locksided.actors.messages import Repeated
from locksided.api.once import job_reference, once
from locksided.api.reading import View, Wanted, answered_ids, job_row, job_views, marked, of_many
from locksided.api.service import Service
from locksided.server.answers import OrShorter
from locksided.server.calls import Call


class Group(Protocol):
    """A group of handlers."""

    _service: Service


G = TypeVar("G", bound=Group)
P = TypeVar("P")
Answer = View | OrShorter | Purged | TerminationPlan
Handler = Callable[[G, Call, P], Awaitable[Answer]]
_OF_MANY = frozenset({"job.createMany", "job.retryAllFailed"})


def repeats_first(handler: Handler[G, P]) -> Handler[G, P]:
    """The handler, called for what was not done before under the same deduplication id."""

    @wraps(handler)
    async def handle(group: G, call: Call, params: Any) -> Answer:
        mark = None if getattr(params, "dry_run", False) else once(call, params, job_reference)
        repeated = None if mark is None else await group._service.scheduler.done_before(mark)
        if repeated is None:
            return await handler(group, call, params)
        return await _again(group._service, call, params, repeated)

    return handle


async def _again(service: Service, call: Call, params: Any, repeated: Repeated) -> Answer:
    """The jobs of the first call as they are now."""
    ids = answered_ids(repeated)
    if call.method.name == "job.purge":
        return Purged(id=str(ids[0]), deduplicated=True)
    found = {row.id: row for row in await service.store.job_rows(ids)}
    rows = [found.get(job_id) or await job_row(service, job_id) for job_id in ids]
    views = await job_views(service, rows, Wanted(call.principal, params.fields))
    answers = [marked(view, repeated) for view in views]
    return of_many(answers) if call.method.name in _OF_MANY else answers[0]
