"""Deduplication of calls: what makes a call the same one, and the answer of a repeat.

A repeat is answered before anything is checked: what the first call stood on may be gone.
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
"""The digest of a draft stands for what was staged."""
_NOT_COMPARED = frozenset({"deduplicationId", "fields"})


def dedup_mark(call: Call, params: Any, reference: Callable[[Any], dict[str, Any]]) -> DedupMark | None:
    """The mark of a call that carries a deduplication id; None for one that does not.

    Two calls are the same when their parameters are, apart from the id itself and the choice of fields.
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
    """What is remembered of a call whose answer is made anew."""
    return {}


def answered(done: Any) -> View:
    """The answer of a call; of a repeat what was remembered of the first one, marked."""
    return marked(dict(done.reference), done) if isinstance(done, Repeated) else done


def job_reference(job_ids: Any) -> dict[str, Any]:
    """What is remembered of a creation: the jobs."""
    return {"jobs": [str(job_id) for job_id in job_ids]}


G = TypeVar("G", bound=HandlerGroup)
P = TypeVar("P")
Answer = View | OrShorter | Purged | TerminationPlan | UndoPlan
Handler = Callable[[G, Call, P], Awaitable[Answer]]
_OF_MANY = frozenset({"job.createMany", "job.retryAllFailed", "storage.vacuum"})


def repeats_first(handler: Handler[G, P]) -> Handler[G, P]:
    """The handler, called for what was not done before under the same deduplication id."""

    @wraps(handler)
    async def handle(group: G, call: Call, params: Any) -> Answer:
        mark = None if getattr(params, "dry_run", False) else dedup_mark(call, params, job_reference)
        repeated = await group._service.scheduler.done_before(mark)
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
