"""The history of a job: when it waited, for what and for how long, when it ran and how it ended. It is
derived from the job, its events and the jobs it waited for.
"""

from __future__ import annotations

from lockside.cli import times
from lockside.cli.jobs import describe
from lockside.cli.session import Asks, Json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime

Entry = tuple[str, str, str]

_KINDS = ["job.status", "job.held", "job.released", "job.paused", "job.resumed", "job.terminateRequested"]
_KINDS += ["job.acknowledged", "job.blocked", "job.unblocked"]
WAIT_KINDS = ["job.status", "job.held"]
"""The events that show what a job waited for."""
_NOTABLE_SECONDS = 0.05
_BLOCKERS = ["id", "name", "component", "config", "configData", "lockKey", "startTime", "endTime", "status"]
_BLOCKERS += ["runId", "type"]


def history(session: Asks, job: Json) -> list[Entry]:
    """Return the history as (time, text, colour), in order."""
    events = session.call("event.list", job=job["id"], kinds=_KINDS, limit=1000)["events"]
    told: list[Entry] = [(str(job["createdTime"]), f"created by {_creator(job)}", "")]
    told += [(job["createdTime"], sentence, "yellow") for sentence in waits(session, job, events)]
    told += [entry for event in events if (entry := _entry(job, event))]
    return told


def _creator(job: Json) -> str:
    principal = job.get("principal") or {}
    who = str(principal.get("user") or principal.get("uid") or "somebody")
    if job.get("retryOfJobId"):
        return f"{who}, as a retry of job {job['retryOfJobId']}"
    if job.get("resubmitOf"):
        return f"{who}, as job {job['resubmitOf']} again"
    if job.get("parentRunId"):
        return f"{who}, below job {str(job['parentRunId']).rpartition('.')[2]}"
    return who


def _entry(job: Json, event: Json) -> Entry | None:
    by = (event.get("principal") or {}).get("user") or "somebody"
    data = event.get("data") or {}
    match event["kind"]:
        case "job.held":
            return event["time"], f"held back by {by}", "yellow"
        case "job.released":
            return event["time"], f"released by {by}", ""
        case "job.paused":
            return event["time"], f"paused by {by}", "yellow"
        case "job.resumed":
            return event["time"], f"resumed by {by}", ""
        case "job.acknowledged":
            comment = f": {data['comment']}" if data.get("comment") else ""
            did = "acknowledged" if data.get("acknowledged") else "is a failure again"
            return event["time"], f"{did}, by {by}{comment}", ""
        case "job.terminateRequested":
            return event["time"], f"{by} asked to stop it", "magenta"
        case "job.status" if data.get("to") == "processing":
            return event["time"], "started" + _where(job), "cyan"
        case "job.blocked":
            return event["time"], f"failed; blocked by its recovery policy {data['policy']}", "yellow"
        case "job.unblocked":
            return event["time"], f"released by {data['by']}", ""
        case "job.status" if data.get("from") == "processing" and data.get("to") == "created":
            is_told = data.get("cause") == "recovery"
            return None if is_told else (event["time"], f"requeued: {_cause(data)}", "yellow")
        case "job.status" if data.get("to") not in describe.LIVE:
            word = str(data["to"])
            return event["time"], word, describe.COLOURS.get(word, "")
        case _:
            return None


def _where(job: Json) -> str:
    if len((job.get("result") or {}).get("steps") or ()) > 1:
        return ""  # the process belongs to the last step
    pid = (job.get("process") or {}).get("pid")
    return f", process {pid}" if pid and int(job.get("starts") or 0) == 1 else ""


def _cause(data: Json) -> str:
    return {"lost": "the machine lost it", "refused": "the system refused its process"}.get(
        str(data.get("cause")), str(data.get("cause") or "").replace("_", " ")
    )


def waits(session: Asks, job: Json, events: list[Json]) -> list[str]:
    """Return what a job that has started or ended waited for; waiting jobs have reasons instead."""
    until = job.get("startTime") or job.get("endTime")
    if not until or float(job.get("queueSeconds") or 0) < _NOTABLE_SECONDS:
        return []
    begin, end = times.parsed(job["createdTime"]), times.parsed(until)
    found = [*_for_time(job, begin), *_for_dependencies(session, job, begin, end)]
    found += _for_the_lock(session, job, begin, end)
    if not found and job.get("relation") == "strong":
        found += _for_its_container(session, job, begin, end)
    was_held = any(event["kind"] == "job.held" for event in events)
    seconds = (end - begin).total_seconds()
    if not found and not was_held and seconds >= describe.NOTABLE_WAIT_SECONDS:
        found.append(f"waited {times.span(seconds)} for {_pool_or_jobs(job, events)}")
    return found


def _pool_or_jobs(job: Json, events: list[Json]) -> str:
    by_others = any((event.get("data") or {}).get("cause") == "other_jobs" for event in events)
    return "other jobs" if by_others else f"a free slot in pool {job.get('pool')}{_and_resources(job)}"


def _and_resources(job: Json) -> str:
    """Return the resources that it needed to start."""
    named = [name for name in job.get("needs") or () if name != "slots"]
    return f" and {', '.join(named)}" if named else ""


def _for_time(job: Json, begin: datetime) -> list[str]:
    at = job.get("delayedStartTime")
    if not at or times.parsed(at) <= begin:
        return []
    seconds = (times.parsed(at) - begin).total_seconds()
    return [f"waited {times.span(seconds)} for its start time, {times.local(at, times.now())}"]


def _for_dependencies(session: Asks, job: Json, begin: datetime, end: datetime) -> list[str]:
    said = []
    for dependency in job.get("dependsOn") or ():
        other = session.call("job.get", id=dependency["job"], fields=_BLOCKERS)
        ended = other.get("endTime")
        if ended and begin < times.parsed(ended) <= end:
            seconds = (times.parsed(ended) - begin).total_seconds()
            said.append(
                f"waited {times.span(seconds)} for {describe.called(other)} to end: {other['status']}"
            )
    return said


def _for_the_lock(session: Asks, job: Json, begin: datetime, end: datetime) -> list[str]:
    """Return sentences about jobs of the same configuration that ran while this one waited."""
    if not job.get("lockKey") or not job.get("config"):
        return []
    found = session.call(
        "job.list",
        component=job["component"],
        config=job["config"],
        finishedFrom=job["createdTime"],
        finishedTo=times.wire(end),
        orderBy="endTime",
        order="asc",
        limit=100,
        fields=_BLOCKERS,
    )["jobs"]
    said = []
    for other in found:
        if other["id"] == job["id"] or other.get("lockKey") != job["lockKey"] or not other.get("startTime"):
            continue
        since = max(begin, times.parsed(other["startTime"]))
        seconds = (times.parsed(other["endTime"]) - since).total_seconds()
        if seconds >= _NOTABLE_SECONDS:
            said.append(f"waited {times.span(seconds)} for {describe.called(other)}, which held the lock")
    return said


def _for_its_container(session: Asks, job: Json, begin: datetime, end: datetime) -> list[str]:
    above = session.call("job.get", id=str(job["parentRunId"]).rpartition(".")[2], fields=_BLOCKERS)
    begun = above.get("startTime")
    seconds = (times.parsed(begun) - begin).total_seconds() if begun else 0.0
    if seconds < _NOTABLE_SECONDS:
        return []
    return [f"waited {times.span(seconds)} for {describe.part(above)} (job {above['id']}) to begin"]
