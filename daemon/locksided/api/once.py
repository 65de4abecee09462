"""Deduplication ids of calls: what makes a call the same one, and what is remembered of it."""

from collections.abc import Callable
from hashlib import sha256
from typing import Any

import msgspec

from locksided.actors.messages import Once
from locksided.server.calls import Call

_MARKS_OF_SECRETS = (b'"#', b'"environment"', b'"draft"')
"""The digest of a draft stands for what was staged."""
_NOT_COMPARED = frozenset({"deduplicationId", "fields"})


def once(call: Call, params: Any, reference: Callable[[Any], dict[str, Any]]) -> Once | None:
    """The mark of a call that carries a deduplication id; None for one that does not.

    Two calls are the same when their parameters are, apart from the id itself and the choice of fields.
    """
    if params.deduplication_id is None:
        return None
    compared = {name: value for name, value in call.raw.items() if name not in _NOT_COMPARED}
    text = msgspec.json.encode(compared, order="deterministic")
    digest = sha256(text).hexdigest()[:40]
    return Once(
        params.project,
        call.principal.uid,
        call.method.name,
        params.deduplication_id,
        digest,
        reference,
        is_secret=any(mark in text for mark in _MARKS_OF_SECRETS),
    )


def job_reference(job_ids: Any) -> dict[str, Any]:
    """What is remembered of a creation: the jobs."""
    return {"jobs": [str(job_id) for job_id in job_ids]}
