"""What a dry run answers: the job that would have been made, as far as it is known before it exists."""

from collections.abc import Mapping
from typing import Any

from locksided import clock
from locksided.api.service import Service
from locksided.core.model import Draft, JobType
from locksided.runner.drafts import tree_size
from locksided.runner.frozen import thaw
from locksided.runner.locking import wire_lock_key

_NOT_SHOWN = frozenset(("dryRun", "fields", "project"))
_SHOWN = (
    *("componentVersion", "tag", "config", "configVersion", "configRowIds", "branchId", "mode"),
    *("parallelism", "backend", "behavior", "limits", "onLost", "onRecordErrors"),
)


def would_be(service: Service, made: Draft, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The root of the tree: no id, no time, no place in line; `jobs` is how many there would be in all."""
    given = {name: value for name, value in fields.items() if name not in _NOT_SHOWN and value is not None}
    spec = thaw(made.blobs[0][1])
    return {
        **given,
        **{name: spec[name] for name in _SHOWN},
        "id": "0",
        "project": {"id": made.project, "name": service.settings.project.name},
        "type": made.type.value,
        "jobs": tree_size(made),
        "name": made.values["name"],
        "pool": made.pool,
        "priority": made.priority,
        "lock": _lock(made),
        "lockKey": wire_lock_key(made.lock_key),
        "retry": spec["retry"] or None if made.type is JobType.RETRY else None,
        "delayedStartTime": clock.to_text(made.start_at_us),
        "status": "created",
        "stage": "validated",
    }


def _lock(made: Draft) -> str:
    if made.lock_key is None:
        return "none"
    return f"shared:{made.lock_share}" if made.lock_share else "exclusive"
