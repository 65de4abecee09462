"""A stored job as the wire shows it: its row, its frozen specification, and why it waits.

Pure: whoever calls has read everything. What is not known yet is null; objects and lists are never null.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import msgspec

from lockside.documents.component import COMMAND
from lockside.documents.enums import JobType, Stage, Status
from lockside.documents.runtime import Limits
from locksided import clock
from locksided.api.reasons import reason_view
from locksided.catalog.views import without_secrets
from locksided.core.reasons import Explanation
from locksided.core.transitions import FINAL
from locksided.ids import job_uuid
from locksided.runs.lock_keys import wire_lock_key
from locksided.runs.message_text import moment
from locksided.runs.specification import Specification
from locksided.runs.verdict import signal_name
from locksided.store.rows import JobRow

NO_RESULT: Mapping[str, Any] = {
    "message": None,
    "configVersion": None,
    "images": [],
    "input": {"tables": [], "files": []},
    "output": {"tables": [], "files": []},
    "counts": {"success": 0, "error": 0, "ignored": 0},
    "artifacts": {},
    "variables": {},
    "tasks": [],
    "steps": [],
    "error": None,
}
RETRIABLE = frozenset({Status.ERROR, Status.TERMINATED, Status.CANCELLED, Status.WARNING})


LEFTOVERS_NAMED = 5
"""So many processes that live on are named in a sentence."""

WITHOUT_DOCUMENTS = frozenset(
    {
        *("id", "runId", "parentRunId", "type", "name", "component", "config", "status", "isFinished"),
        *("reasons", "stage", "progress", "message", "process"),
        *("createdTime", "startTime", "endTime", "durationSeconds", "queueSeconds"),
    }
)
"""Fields that are shown without the frozen specification and without dependencies."""


def wants_documents(fields: Collection[str] | None) -> bool:
    """Whether a view with these fields (None: all) needs more than the job's row."""
    return fields is None or not WITHOUT_DOCUMENTS.issuperset(fields)


class JobViews:
    """Makes views for one store, state folder and caller. `now_us` is when the view is made."""

    def __init__(
        self, identity: int, work_path: Callable[[int], str], project_name: str, caller_uid: int, now_us: int
    ) -> None:
        self._identity = identity
        self._work_path = work_path
        self._project_name = project_name
        self._caller_uid = caller_uid
        self._now_us = now_us

    def view(
        self,
        row: JobRow,
        spec: Specification,
        environment: Mapping[str, str] | None,
        explanation: Explanation | None,
        depends_on: list[dict[str, Any]],
    ) -> dict[str, Any]:
        """The whole job."""
        return {
            **self._identification(row),
            **self._specification(row, spec, environment),
            "dependsOn": depends_on,
            **self._standing(row, explanation),
            **self._times(row),
            **self._outcome(row, spec),
        }

    def _identification(self, row: JobRow) -> dict[str, Any]:
        parent = row.run_id.rpartition(".")[0]
        return {
            "id": str(row.id),
            "uuid": job_uuid(self._identity, row.id),
            "runId": row.run_id,
            "parentRunId": parent or None,
            "relation": row.relation,
            "project": {"id": row.project, "name": self._project_name},
            "principal": {"uid": row.owner_uid, "user": row.owner_name, "gid": row.owner_gid},
            "creator": {"type": row.creator_type or "user", "id": _creator_id(row)},
            "type": row.type,
            "name": row.name,
            "description": row.description,
            "labels": row.labels or {},
            "visible": bool(row.visible),
            "hiddenTime": clock.to_text(row.hidden_us),
            "url": None,
            "workPath": self._folder(row),
            "links": {},
        }

    def _folder(self, row: JobRow) -> str | None:
        """Its work path; a container has none, nor has a job whose folder was removed."""
        if row.cleaned_us is not None or row.type != JobType.STANDARD:
            return None
        return self._work_path(row.id)

    def _specification(
        self, row: JobRow, spec: Specification, environment: Mapping[str, str] | None
    ) -> dict[str, Any]:
        return {
            "component": row.component,
            "componentVersion": spec.component_version,
            "tag": spec.tag,
            "config": row.config,
            "configVersion": spec.config_version,
            "configData": self._config_data(row, spec, environment),
            "configRowIds": spec.config_row_ids,
            "branchId": row.branch_id,
            "mode": row.mode,
            "pool": row.pool,
            "pools": spec.pools or [],
            "parallelism": spec.parallelism,
            "backend": spec.backend or {"type": None},
            "behavior": spec.behavior,
            "lock": row.lock_policy,
            "lockKey": wire_lock_key(row.lock_key),
            "variableValuesId": spec.variable_values_id,
            "variableValuesData": self._values(row, spec),
            "delayedStartTime": clock.to_text(row.start_at_us),
            "deduplicationId": row.dedup_id,
            "limits": _limits(row, spec),
            "retry": spec.retry or {},
            "onLost": row.on_lost,
            "onRecordErrors": spec.on_record_errors,
            "inputs": spec.inputs or [],
            "archive": spec.archive or {},
            "notifications": spec.notifications or [],
            "retryOfJobId": None if row.retry_of_id is None else str(row.retry_of_id),
            "resubmitOf": None if row.resubmit_of_id is None else str(row.resubmit_of_id),
            "template": spec.template,
            "priority": row.priority,
        }

    def _values(self, row: JobRow, spec: Specification) -> Any:
        given = msgspec.to_builtins(spec.variable_values_data)
        return given if row.owner_uid == self._caller_uid else without_secrets(given)

    def _config_data(self, row: JobRow, spec: Specification, environment: Mapping[str, str] | None) -> Any:
        """The given configuration; secrets and a command's environment are for the owner's eyes only."""
        data = spec.config_data
        if data is None:
            return None
        if row.owner_uid != self._caller_uid:
            return without_secrets(data)
        if row.component == COMMAND and environment is not None:
            return {**data, "parameters": {**data.get("parameters", {}), "environment": dict(environment)}}
        return data

    def _standing(self, row: JobRow, explanation: Explanation | None) -> dict[str, Any]:
        status = Status(row.status)
        reasons = explanation.reasons if explanation is not None else ()
        retriable = status in RETRIABLE or (status is Status.SUCCESS and self._record_errors(row) > 0)
        return {
            "status": status.value,
            "desiredStatus": row.desired_status,
            "isFinished": status in FINAL,
            "retriable": retriable,
            "stage": row.stage,
            "stageTimestamps": {name: clock.to_text(at_us) for name, at_us in (row.stages or {}).items()},
            "reasons": [reason_view(reason) for reason in reasons],
            "progress": row.progress,
            "message": self._message(row),
        }

    @staticmethod
    def _record_errors(row: JobRow) -> int:
        counts = (row.result or {}).get("counts") or {}
        return int(counts.get("error") or 0)

    def _message(self, row: JobRow) -> str | None:
        if row.status == Status.PROCESSING and row.paused_by is not None and row.paused_since_us is not None:
            return f"Paused by {row.paused_by} since {moment(row.paused_since_us)}."
        if row.status == Status.PROCESSING and row.stage == Stage.LEFTOVERS:
            return leftovers_message(row.process or {}, self._now_us)
        return row.message or (row.result or {}).get("message")

    def _times(self, row: JobRow) -> dict[str, Any]:
        until_us = row.end_us or self._now_us
        duration_us = row.duration_us
        if row.status == Status.PROCESSING and row.start_us is not None:
            paused_us = row.paused_us
            if row.paused_since_us is not None:
                paused_us += self._now_us - row.paused_since_us
            duration_us += max(self._now_us - row.start_us - paused_us, 0)
        return {
            "createdTime": clock.to_text(row.created_us),
            "startTime": clock.to_text(row.start_us),
            "endTime": clock.to_text(row.end_us),
            "updatedTime": clock.to_text(row.updated_us),
            "durationSeconds": duration_us / 1e6,
            "queueSeconds": max((row.start_us or until_us) - row.created_us, 0) / 1e6,
            "waited": {},
            "attempt": row.attempt,
            "starts": row.starts,
            "blockedCount": 0,
        }

    def _outcome(self, row: JobRow, spec: Specification) -> dict[str, Any]:
        result = {**NO_RESULT, "configVersion": spec.config_version, **(row.result or {})}
        if row.type == JobType.PHASE:
            result["tasks"] = spec.tasks
        return {
            "process": _process(row),
            "remote": {},
            "result": result,
            "usageData": row.usage or [],
            "metrics": row.metrics or {},
            "killReport": row.kill_report or {},
            "expiresTime": clock.to_text(row.expires_us),
        }


def leftovers_message(process: Mapping[str, Any], now_us: int) -> str:
    """Says how the program ended and which of its processes keep the job from its end."""
    number, left = process.get("signal"), process.get("leftovers") or []
    how = f"with {process.get('exitCode')}" if number is None else f"by {signal_name(number)}"
    named = ", ".join(f"{one['name']} (pid {one['pid']})" for one in left[:LEFTOVERS_NAMED])
    more = len(left) - LEFTOVERS_NAMED
    named += f" and {more} more" if more > 0 else ""
    live, are = ("lives", "is") if len(left) == 1 else ("live", "are")
    if process.get("leftoversStopTime") is None:
        return f"ended {how}; {named} {live} on and {are} waited for"
    seconds = -(-(clock.from_text(process["leftoversStopTime"]) - now_us) // clock.SECOND_US)
    if seconds <= 0:
        return f"ended {how}; {named} {are} being stopped"
    return f"ended {how}; {named} {live} on and {are} stopped in {seconds} s"


def _creator_id(row: JobRow) -> str | None:
    """Of a child what it stands for, else whoever made it; of an attempt the container that did."""
    if row.creator_id is None and row.parent_id is not None:
        return str(row.parent_id)
    return row.creator_id


def retries_view(retries: Sequence[JobRow]) -> dict[str, Any]:
    """The retries by hand of a job, listed and summed."""
    counts: dict[str, int] = dict(NO_RESULT["counts"])
    for row in retries:
        for name, number in ((row.result or {}).get("counts") or {}).items():
            counts[name] += number
    return {
        "jobs": [{"id": str(row.id), "status": row.status} for row in retries],
        "counts": counts,
        "durationSeconds": sum(row.duration_us for row in retries) / 1e6,
    }


def _limits(row: JobRow, spec: Specification) -> Limits:
    """What a job may take; a container takes no time of its own."""
    is_work = row.type == JobType.STANDARD
    return spec.limits if is_work else msgspec.structs.replace(spec.limits, timeout_seconds=None)


def _process(row: JobRow) -> dict[str, Any]:
    empty = dict.fromkeys(
        (
            "pid",
            "startToken",
            "spawnTime",
            "exitTime",
            "exitCode",
            "signal",
            "userSeconds",
            "systemSeconds",
            "maxRssBytes",
            "usageSource",
            "leftoversStopTime",
        )
    )
    return {**empty, "leftovers": [], "startToken": row.start_token, **(row.process or {})}
