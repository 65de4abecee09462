"""The content of notifications: the names of events and their `data`. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from lockside.documents.enums import FINAL, JobType, Status
from lockside.documents.notification import NotifiedEvent as Event
from locksided import clock
from locksided.store.rows import EventRow, JobRow

MAX_BODY_BYTES = 65_536
DIGEST = "digest"
LONGEST_TEXT = 4096
_ENDS = {
    Status.SUCCESS: Event.JOB_SUCCEEDED,
    Status.WARNING: Event.JOB_SUCCEEDED_WITH_WARNING,
    Status.ERROR: Event.JOB_FAILED,
    Status.TERMINATED: Event.JOB_TERMINATED,
    Status.CANCELLED: Event.JOB_CANCELLED,
}
_NAMES = {status: frozenset({name, Event(f"phase-{name}")}) for status, name in _ENDS.items()} | {
    Status.PROCESSING: frozenset(
        {Event.JOB_STARTED, Event.JOB_PROCESSING_LONG, Event.PHASE_JOB_PROCESSING_LONG}
    )
}
OTHERS: Mapping[str, Event] = {
    "schedule.missed": Event.SCHEDULE_MISSED,
    "schedule.failed": Event.SCHEDULE_FAILED,
    "schedule.paused": Event.SCHEDULE_PAUSED,
    "schedule.overdue": Event.SCHEDULE_OVERDUE,
    "trigger.failed": Event.TRIGGER_FAILED,
    "trigger.paused": Event.TRIGGER_PAUSED,
    "notification.dead": Event.NOTIFICATION_DEAD,
    "notification.disabled": Event.NOTIFICATION_DISABLED,
}
"""The notifications for events that are not of jobs."""
OF_JOBS: Mapping[str, Event] = {"job.blocked": Event.JOB_BLOCKED, "job.stalled": Event.JOB_STALLED}
"""The notifications for events of jobs, except changes of the status."""
_BY_CONTAINER = "container"
FAILED = frozenset({Event.JOB_FAILED, Event.PHASE_JOB_FAILED})
WELL = frozenset(
    {
        *(Event.JOB_SUCCEEDED, Event.JOB_SUCCEEDED_WITH_WARNING),
        *(Event.PHASE_JOB_SUCCEEDED, Event.PHASE_JOB_SUCCEEDED_WITH_WARNING),
    }
)
_OF_CONTAINERS = frozenset({"container", "retry"})


class JobNames(NamedTuple):
    """The names of what a job belongs to, and the URL of its page; None for what has none."""

    project: str
    branch: str | None
    component: str | None
    config: str | None
    page: str | None


def names_for(status: str) -> frozenset[Event]:
    """Return the possible notifications of a job's change to a status."""
    return _NAMES.get(Status(status), frozenset())


def name_of(event: EventRow, job: JobRow) -> Event | None:
    """Return the notification for an event of a job; None if there is none."""
    is_phase = job.type == JobType.PHASE
    if is_part(job):
        return None
    if event.kind in OF_JOBS:
        return OF_JOBS[event.kind]
    status = Status(event.data["to"])
    if status is Status.PROCESSING:
        return Event.JOB_STARTED if not is_phase and _is_first(event, job) else None
    name = _ENDS.get(status)
    if name is None or (name is Event.JOB_CANCELLED and event.data["cause"] == _BY_CONTAINER):
        return None
    return Event(f"phase-{name}") if is_phase else name


def own_name(event: EventRow, job: JobRow) -> str:
    """Return the name of a job's own notification."""
    if event.kind != "job.status":
        return event.kind.replace(".", "-")
    return name_of(event, job) or "job-status"


def as_at(job: JobRow, event: EventRow) -> JobRow:
    """Return the job as it was at an event: without an end that came later."""
    if event.kind == "job.status" and event.data["to"] in FINAL:
        return job
    return msgspec.structs.replace(job, end_us=None, result=None, message=None)


def _status_at(event: EventRow) -> str:
    if event.kind in ("job.created", "job.blocked"):
        return Status.CREATED
    return str(event.data.get("to", Status.PROCESSING))


def _is_first(event: EventRow, job: JobRow) -> bool:
    """Return whether it is the job's first start, not one after a loss."""
    return job.launches <= 1 or event.time_us < (job.start_us or 0)


def subject_of(job: JobRow) -> str:
    """Return what failures in a row are counted for: a configuration, a phase, or all jobs of that name."""
    is_named = job.config is None or job.type == JobType.PHASE
    names = (job.branch_id, job.component, job.config or "", job.name if is_named else "")
    return msgspec.json.encode(names).decode()


def head_of(event: EventRow, project_name: str) -> dict[str, Any]:
    """Return the common first members of the `data` of every event."""
    project = {"id": event.project, "name": project_name}
    return {"eventType": event.kind, "seq": event.seq, "project": project}


def job_data(event: EventRow, job: JobRow, names: JobNames) -> dict[str, Any]:
    """Return the `data` of an event of a job."""
    message = job.message or (job.result or {}).get("message")
    data: dict[str, Any] = {
        **head_of(event, names.project),
        "branch": {"id": job.branch_id or "default", "name": names.branch},
        "job": {
            "id": str(job.id),
            "runId": job.run_id,
            "url": names.page,
            "name": job.name,
            "status": _status_at(event),
            "component": {"id": job.component, "name": names.component},
            "configuration": {"id": job.config, "name": names.config},
            "principal": {"user": job.owner_name},
            "pool": job.pool,
            "labels": dict(job.labels or {}),
            "createdTime": clock.to_text(job.created_us),
            "startTime": clock.to_text(job.start_us),
            "endTime": clock.to_text(job.end_us),
            "durationSeconds": job.duration_us / clock.SECOND_US,
            "message": None if message is None else message[:LONGEST_TEXT],
            "tasks": list((job.result or {}).get("tasks") or ()),
        },
    }
    if job.type == JobType.PHASE:
        data["phase"] = {"id": job.creator_id or job.name, "name": job.name}
    return data


def other_data(event: EventRow, project_name: str) -> dict[str, Any]:
    """Return the `data` of an event of a schedule, a trigger, or a notification."""
    word = event.kind.partition(".")[0]
    about = event.data if word == "notification" else {word: dict(event.data)}
    return {**head_of(event, project_name), **about}


def long_of(job: JobRow) -> Event:
    """Return the notification for a job that runs long."""
    is_phase = job.type == JobType.PHASE
    return Event.PHASE_JOB_PROCESSING_LONG if is_phase else Event.JOB_PROCESSING_LONG


def is_part(job: JobRow) -> bool:
    """Return whether it is an attempt or a row of another job: only that job has notifications."""
    return job.type != JobType.PHASE and job.relation == "strong" and job.creator_type in _OF_CONTAINERS


def body_of(name: str, time_us: int, data: Mapping[str, Any]) -> bytes:
    """Return the body of a notification, at most 64 KiB: the last tasks are omitted first, then labels."""
    text = _encoded(name, time_us, data)
    while len(text) > MAX_BODY_BYTES and (job := _shorter(data.get("job", {}))) is not None:
        data = {**data, "job": job}
        text = _encoded(name, time_us, data)
    return text


def _shorter(job: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the job with half of its tasks, or of its labels; None if it has neither."""
    if tasks := job.get("tasks"):
        return {**job, "tasks": tasks[: len(tasks) // 2], "isTruncated": True}
    if labels := job.get("labels"):
        return {**job, "labels": dict(list(labels.items())[: len(labels) // 2]), "isTruncated": True}
    return None


def _encoded(name: str, time_us: int, data: Mapping[str, Any]) -> bytes:
    return msgspec.json.encode({"type": name, "timestamp": clock.to_text(time_us), "data": data})


def digest_of(bodies: Sequence[str], count: int, time_us: int) -> bytes:
    """Return one body of several: the first that fit into 64 KiB, and the number of all."""
    listed = [msgspec.Raw(text.encode()) for text in bodies]
    text = _encoded(DIGEST, time_us, {"count": count, "events": listed})
    while len(text) > MAX_BODY_BYTES:
        listed = listed[: len(listed) // 2]
        text = _encoded(DIGEST, time_us, {"count": count, "events": listed})
    return text
