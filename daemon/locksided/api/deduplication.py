"""Deduplication of calls: when two calls are the same, and the answer to a repeat.

A repeat is answered before anything is checked: the objects of the first call may be gone.
"""

from collections.abc import Awaitable, Callable
from functools import wraps
from hashlib import sha256
from typing import Any, TypeVar

import msgspec

from lockside.protocol.types.jobs import Purged, TerminationPlan
from lockside.protocol.types.storage import UndoPlan
from locksided.actors.messages import DedupMark, Repeated
from locksided.api.job_reads import Wanted, answered_ids, job_row, job_views, marked, of_many
from locksided.api.paging import View
from locksided.api.service import HandlerGroup, Service
from locksided.server.calls import Call
from locksided.server.messages import OrShorter

_MARKS_OF_SECRETS = (b'"#', b'"environment"', b'"draft"')
"""The digest of a draft represents what was staged."""
_NOT_COMPARED = frozenset({"deduplicationId", "fields"})


def dedup_mark(call: Call, params: Any, reference: Callable[[Any], dict[str, Any]]) -> DedupMark | None:
    """Return the mark of a call with a deduplication id; None for a call without one.

    Two calls are the same if their parameters are equal, except for the id itself and the choice of fields.
    """
    if params.deduplication_id is None:
        return None
    compared = {name: value for name, value in call.raw.items() if name not in _NOT_COMPARED}
    text = msgspec.json.encode(compared, order="deterministic")
    return DedupMark(
        params.project,
        call.principal.uid,
        call.method.name,
        params.deduplication_id,
        sha256(text).hexdigest()[:40],
        reference,
        is_secret=any(mark in text for mark in _MARKS_OF_SECRETS),
    )


def nothing(_: Any) -> View:
    """Return what is stored of a call whose answer is computed again: nothing."""
    return {}


def answered(done: Any) -> View:
    """Return the answer of a call; for a repeat the stored reference of the first one, marked."""
    return marked(dict(done.reference), done) if isinstance(done, Repeated) else done


def job_reference(job_ids: Any) -> dict[str, Any]:
    """Return what is stored of a creation: the jobs."""
    return {"jobs": [str(job_id) for job_id in job_ids]}


G = TypeVar("G", bound=HandlerGroup)
P = TypeVar("P")
Answer = View | OrShorter | Purged | TerminationPlan | UndoPlan
Handler = Callable[[G, Call, P], Awaitable[Answer]]
_OF_MANY = frozenset({"job.createMany", "job.retryAllFailed", "storage.vacuum"})


def repeats_first(handler: Handler[G, P]) -> Handler[G, P]:
    """Wrap a handler so that it is called only for calls not done before under the same deduplication id."""

    @wraps(handler)
    async def handle(group: G, call: Call, params: Any) -> Answer:
        mark = None if getattr(params, "dry_run", False) else dedup_mark(call, params, job_reference)
        repeated = await group._service.scheduler.done_before(mark)
        if repeated is None:
            return await handler(group, call, params)
        return await _again(group._service, call, params, repeated)

    return handle


async def _again(service: Service, call: Call, params: Any, repeated: Repeated) -> Answer:
    """Return the jobs of the first call as they are now."""
    ids = answered_ids(repeated)
    if call.method.name == "job.purge":
        return Purged(id=str(ids[0]), deduplicated=True)
    found = {row.id: row for row in await service.store.job_rows(ids)}
    rows = [found.get(job_id) or await job_row(service, job_id) for job_id in ids]
    views = await job_views(service, rows, Wanted(call.principal, params.fields))
    answers = [marked(view, repeated) for view in views]
    return of_many(answers) if call.method.name in _OF_MANY else answers[0]
