"""A stored job in wire form: its row, its frozen specification, and why it waits.

A member of `Job` is the column, or else the member of the specification, with its name, unless it is computed
here. Pure: the caller has read everything. Unknown values are null; objects and lists never are.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any

import msgspec

from lockside.documents.base import camel
from lockside.documents.component import COMMAND
from lockside.documents.enums import JobType, Stage, Status, TaskAction
from lockside.documents.runtime import Limits
from lockside.documents.secrets import shown
from lockside.documents.web_settings import WebSettings
from lockside.protocol.types.jobs import Job
from lockside.protocol.types.results import Result
from lockside.protocol.words import Role
from locksided import clock
from locksided.api.job_links import links_of
from locksided.api.reasons import reason_view
from locksided.catalog.views import without_environment, without_secrets
from locksided.core.reasons import Explanation
from locksided.core.transitions import FINAL
from locksided.ids import job_uuid
from locksided.notifications.recipients import shown_url
from locksided.runs.message_text import moment
from locksided.runs.moment import moment_view
from locksided.runs.resolved import wire_lock_key
from locksided.runs.specification import Specification
from locksided.runs.verdict import signal_name
from locksided.secrets.vault import Vault
from locksided.server.access import Principal
from locksided.store.chunks import ChunkJob
from locksided.store.rows import BriefRow, JobRow, owner_data, place_of

NO_RESULT: Mapping[str, Any] = msgspec.to_builtins(Result())
FAILED = frozenset({Status.ERROR, Status.TERMINATED})

_DEFAULTS: Mapping[str, Any] = msgspec.to_builtins(Job(id=""))
_EMPTY = {name: one for name, one in _DEFAULTS.items() if isinstance(one, dict | list)}
_RENAMED = {"lock": "lock_policy", "usage_data": "usage", "deduplication_id": "dedup_id"}
_OF_SPECIFICATION = ("parallelism", "retry", "pools", "needs")
"""Columns with these names contain only what the core needs of a container."""

Getter = tuple[list[str], Callable[[Any], tuple[Any, ...]]]


def _getter(sources: Mapping[str, str]) -> Getter:
    """Return members of `Job` by their wire names, and a function that reads their values from an object."""
    return [camel(name) for name in sources], attrgetter(*sources.values())


def _getters() -> tuple[Getter, Getter, Getter]:
    """Return what is shown unchanged: columns, members of the specification, and times."""
    names = Job.__struct_fields__
    columns = {name: _RENAMED.get(name, name) for name in names if name not in _OF_SPECIFICATION}
    columns = {name: column for name, column in columns.items() if column in JobRow.__struct_fields__}
    of_spec = {
        name: name for name in Specification.__struct_fields__ if name in names and name not in columns
    }
    times = {name: name.removesuffix("_time") + "_us" for name in names if name.endswith("_time")}
    return _getter(columns), _getter(of_spec), _getter(times | {"delayed_start_time": "start_at_us"})


_COLUMNS, _SPECIFIED, _TIMES = _getters()


LEFTOVERS_NAMED = 5
"""The number of surviving processes that a message names."""

WITHOUT_DOCUMENTS = frozenset(
    {
        *("id", "runId", "parentRunId", "type", "name", "component", "config", "status", "isFinished"),
        *("reasons", "stage", "progress", "message", "process"),
        *("createdTime", "startTime", "endTime", "durationSeconds", "queueSeconds"),
    }
)
"""Fields that require neither the frozen specification nor the dependencies."""


def wants_documents(fields: Collection[str] | None) -> bool:
    """Return whether a view with these fields (None: all) needs more than the job's row."""
    return fields is None or not WITHOUT_DOCUMENTS.issuperset(fields)


class JobViews:
    """Creates views for one store, state folder and caller. `now_us` is the time of the view."""

    def __init__(
        self,
        identity: int,
        work_path: Callable[[int], str],
        project_name: str,
        caller: Principal,
        now_us: int,
        vault: Vault,
        web: WebSettings,
    ) -> None:
        self._identity = identity
        self._work_path = work_path
        self._project_name = project_name
        self._caller = caller
        self._now_us = now_us
        self._vault = vault
        self._web = web

    def view(
        self,
        row: JobRow,
        spec: Specification,
        environment: bytes | None,
        explanation: Explanation | None,
        depends_on: list[dict[str, Any]],
        open_records: int = 0,
        chunks: Sequence[ChunkJob] = (),
    ) -> dict[str, Any]:
        """Return the whole job; `environment` is a plain command's as it is stored."""
        found = dict(_DEFAULTS)
        found.update(zip(_SPECIFIED[0], _SPECIFIED[1](spec), strict=True))
        found.update(zip(_COLUMNS[0], _COLUMNS[1](row), strict=True))
        found.update(zip(_TIMES[0], map(clock.to_text, _TIMES[1](row)), strict=True))
        found |= self._identification(row)
        found |= self._specification(row, spec, environment)
        found |= self._standing(row, explanation, open_records)
        found |= self._durations(row)
        found |= self._outcome(row, spec, chunks)
        found["dependsOn"] = depends_on
        for name, empty in _EMPTY.items():
            if found[name] is None:
                found[name] = empty
        return found

    def _identification(self, row: JobRow) -> dict[str, Any]:
        links = links_of(row, self._web)
        return {
            "id": str(row.id),
            "uuid": job_uuid(self._identity, row.id),
            "parentRunId": row.run_id.rpartition(".")[0] or None,
            "project": {"id": row.project, "name": self._project_name},
            "principal": owner_data(row),
            "creator": {"type": row.creator_type or "user", "id": _creator_id(row)},
            "visible": bool(row.visible),
            "resources": {name: one["units"] or one["amount"] for name, one in (row.resources or {}).items()},
            "workPath": self._folder(row),
            "url": links.get("page"),
            "links": links,
        }

    def _folder(self, row: JobRow) -> str | None:
        """Return its work path; None for a container or a job whose folder was removed."""
        if row.cleaned_us is not None or row.type != JobType.STANDARD:
            return None
        return self._work_path(row.id)

    def _specification(self, row: JobRow, spec: Specification, environment: bytes | None) -> dict[str, Any]:
        return {
            "configData": self._config_data(row, spec, environment),
            "backend": spec.backend or None,
            "lockKey": wire_lock_key(row.lock_key),
            "variableValuesData": self._shown(row, msgspec.to_builtins(spec.variable_values_data)),
            "inputs": self._shown(row, spec.inputs),
            "partition": self._shown(row, msgspec.to_builtins(spec.partition)),
            "archive": self._shown(row, spec.archive),
            "notifications": self._notifications(row, spec),
            "limits": _limits(row, spec),
            "retryOfJobId": None if row.retry_of_id is None else str(row.retry_of_id),
            "undoneBy": None if row.undone_by is None else str(row.undone_by),
            "resubmitOf": None if row.resubmit_of_id is None else str(row.resubmit_of_id),
            "schedule": moment_view(row.schedule),
            "trigger": row.trigger,
        }

    def _shown(self, row: JobRow, document: Any) -> Any:
        """Return a part of the request: secrets are encrypted for owner and admins, else hidden."""
        if document is None:
            return None
        if self._is_owner(row) or self._caller.role is Role.ADMIN:
            return shown(document)
        return without_secrets(document)

    def _notifications(self, row: JobRow, spec: Specification) -> list[dict[str, Any]]:
        """Return the requested notifications; only owner and admins see more of URLs than the host."""
        if self._is_owner(row) or self._caller.role is Role.ADMIN:
            return [msgspec.to_builtins(one) for one in spec.notifications or ()]
        return [{**msgspec.to_builtins(one), "url": shown_url(one)} for one in spec.notifications or ()]

    def _is_owner(self, row: JobRow) -> bool:
        return row.owner_uid == self._caller.uid

    def _config_data(self, row: JobRow, spec: Specification, environment: bytes | None) -> Any:
        """Return the given configuration; a command's environment is shown only to its owner."""
        if spec.config_data is None:
            return None
        data = self._shown(row, spec.config_data)
        if not self._is_owner(row):
            return without_environment(data)
        if row.component == COMMAND and environment is not None:
            opened = msgspec.json.decode(self._vault.opened_text(environment, place_of(row)))
            return {**data, "parameters": {**data.get("parameters", {}), "environment": shown(opened)}}
        return data

    def _standing(self, row: JobRow, explanation: Explanation | None, open_records: int) -> dict[str, Any]:
        status = Status(row.status)
        reasons = explanation.reasons if explanation is not None else ()
        retriable = status in FAILED or open_records > 0 or has_unlisted_errors(row)
        return {
            "isFinished": status in FINAL,
            "retriable": retriable,
            "stageTimestamps": {name: clock.to_text(at_us) for name, at_us in (row.stages or {}).items()},
            "reasons": [reason_view(reason) for reason in reasons],
            "message": self._message(row),
        }

    def _message(self, row: JobRow) -> str | None:
        if row.status == Status.PROCESSING and row.paused_by is not None and row.paused_since_us is not None:
            return f"Paused by {row.paused_by} since {moment(row.paused_since_us)}."
        if row.status == Status.PROCESSING and row.stage == Stage.LEFTOVERS:
            return leftovers_message(row.process or {}, self._now_us)
        return row.message or (row.result or {}).get("message")

    def _durations(self, row: JobRow) -> dict[str, Any]:
        until_us = row.end_us or self._now_us
        return {
            "durationSeconds": duration_seconds(row, self._now_us),
            "queueSeconds": max((row.start_us or until_us) - row.created_us, 0) / 1e6,
            "waited": waited(row.stages or {}, until_us),
        }

    def _outcome(self, row: JobRow, spec: Specification, chunks: Sequence[ChunkJob]) -> dict[str, Any]:
        result = {**NO_RESULT, "configVersion": spec.config_version, **(row.result or {})}
        if row.type == JobType.PHASE:
            result["tasks"] = spec.tasks
        if chunks:
            result |= {
                "chunks": list(map(_chunk_view, chunks)),
                "counts": sum_of(one.counts for one in chunks),
            }
        process = {**_DEFAULTS["process"], "startToken": row.start_token, **(row.process or {})}
        return {"process": process, "result": result, "remote": remote_view(row.remote, spec.archive)}


def duration_seconds(row: JobRow | BriefRow, now_us: int) -> float:
    """How long it has run, pauses left out."""
    duration_us = row.duration_us
    if row.status == Status.PROCESSING and row.start_us is not None:
        paused_us = row.paused_us
        if row.paused_since_us is not None:
            paused_us += now_us - row.paused_since_us
        duration_us += max(now_us - row.start_us - paused_us, 0)
    return duration_us / 1e6


def waited(stages: Mapping[str, int], until_us: int) -> dict[str, float]:
    """Return how long its engine looked for a machine, for its first step that needed one."""
    since_us = stages.get(Stage.SUBMITTING)
    if since_us is None:
        return {}
    return {"engine_queue": max(stages.get(Stage.RUNNING, until_us) - since_us, 0) / 1e6}


_REMOTE_TIMES = ("remoteSubmitted", "remoteStarted", "remoteEnded", "lastStatusCheck")


def remote_view(remote: Mapping[str, Any] | None, archive: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the state of a remote run, in the known members. A failed run is usually not archived."""
    if remote is None:
        return dict(_DEFAULTS["remote"])
    times = {name: clock.to_text(remote.get(name)) for name in _REMOTE_TIMES}
    found = {**remote, **times}
    if found.get("remoteOutcome") == "FAILED" and archive is not None and not archive["onError"]:
        found["remoteOutcome"] = "FAILED_SKIP_ARCHIVE"
    return {name: found.get(name, empty) for name, empty in _DEFAULTS["remote"].items()}


def leftovers_message(process: Mapping[str, Any], now_us: int) -> str:
    """Describe how the program ended and which of its processes delay the end of the job."""
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
    """Return the creator; for a child what it represents, for an attempt its container."""
    if row.creator_id is None and row.parent_id is not None:
        return str(row.parent_id)
    return row.creator_id


def sum_of(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Return the sum of counts of records."""
    found: dict[str, int] = dict(NO_RESULT["counts"])
    for one in counts:
        for name, number in one.items():
            found[name] += number
    return found


def _chunk_view(chunk: ChunkJob) -> dict[str, Any]:
    return {
        "chunk": chunk.number,
        "job": str(chunk.job_id),
        "action": TaskAction.CARRY if chunk.is_carried else TaskAction.RUN,
        "status": chunk.status,
        "counts": {**NO_RESULT["counts"], **chunk.counts},
    }


def record_errors(row: JobRow) -> int:
    """Return how many records of a job failed."""
    return int(((row.result or {}).get("counts") or {}).get("error") or 0)


def has_unlisted_errors(row: JobRow) -> bool:
    """Return whether records of a successful job failed and it left no list of them."""
    artifacts = (row.result or {}).get("artifacts") or {}
    is_well = row.status in (Status.SUCCESS, Status.WARNING)
    return is_well and record_errors(row) > 0 and "failedRecords" not in artifacts


def retries_view(job: JobRow, retries: Sequence[JobRow], open_records: int) -> dict[str, Any]:
    """Return the retries by hand of a job, with the sums of their counts and the job's own."""
    counts = sum_of((row.result or {}).get("counts") or {} for row in (job, *retries))
    return {
        "jobs": [{"id": str(row.id), "status": row.status} for row in retries],
        "counts": counts,
        "open": open_records,
        "durationSeconds": sum(row.duration_us for row in retries) / 1e6,
    }


def _limits(row: JobRow, spec: Specification) -> Limits:
    """Return the limits of a job; a container has no time limit of its own."""
    is_work = row.type == JobType.STANDARD
    return spec.limits if is_work else msgspec.structs.replace(spec.limits, timeout_seconds=None)
