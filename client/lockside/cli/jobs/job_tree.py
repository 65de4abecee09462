"""A job and everything below it: loaded once, kept up to date by events, formatted as a tree."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lockside.cli.jobs import describe
from lockside.cli.session import Json, Session

_PAGE = 250


def load_tree(session: Session, run_id: str, fields: list[str] | None = None) -> list[Json]:
    """Return a job and all below it, the oldest first."""
    return list(session.jobs(runIdPrefix=run_id, order="asc", limit=_PAGE, fields=fields))


def tree_rows(found: Iterable[Json]) -> Iterator[tuple[str, Json]]:
    """Yield each job with the lines that lead to it, followed by its children.

    Jobs whose parent is missing are roots and keep their order; children come in the order of their ids.
    """
    listed = list(found)
    known = {job.get("runId") for job in listed}
    below: dict[str | None, list[Json]] = {}
    for job in listed:
        parent = job.get("parentRunId")
        below.setdefault(parent if parent in known else None, []).append(job)
    for root in below.get(None, ()):
        yield "", root
        yield from _branches(below, str(root.get("runId")), "")


def _branches(below: dict[str | None, list[Json]], run_id: str, lines: str) -> Iterator[tuple[str, Json]]:
    children = sorted(below.get(run_id, ()), key=lambda job: int(job["id"]))
    for child in children:
        is_last = child is children[-1]
        yield lines + ("└─ " if is_last else "├─ "), child
        yield from _branches(below, str(child["runId"]), lines + ("   " if is_last else "│  "))


def label(job: Json, is_below: bool) -> str:
    """Return the label of a job in a tree, in which its parent is above it."""
    return describe.part(job) if is_below else describe.title(job)


def update(job: Json, event: Json) -> bool:
    """Update a job from an event; returns True if the job should be read again."""
    data = event.get("data") or {}
    match event["kind"]:
        case "job.status":
            job["status"] = data.get("to")
            job["isFinished"] = data.get("to") not in describe.LIVE
            if data.get("to") == "processing":
                job["startTime"] = event["time"]
            job["reasons"] = []
            return True
        case "job.stage":
            job["stage"] = data.get("stage")
        case "job.progress":
            job["progress"] = data.get("progress", job.get("progress"))
            job["message"] = data.get("message") or job.get("message")
        case "job.held" | "job.released" | "job.paused" | "job.resumed" | "job.reprioritised":
            return True
    return False


def cause_of(job: Json, below: list[Json]) -> Json | None:
    """Return the job without children whose end decided how a container ended.

    That is the last attempt of a retried job, else the first child that failed without being tolerated.
    """
    if job.get("type") not in describe.CONTAINERS:
        return job
    children = [one for one in below if one.get("parentRunId") == job["runId"]]
    children = [one for one in children if one.get("relation", "strong") == "strong"]
    if job.get("type") == "retryContainer":
        last = max(children, key=lambda one: int(one.get("attempt") or 0), default=None)
        return None if last is None else cause_of(last, below)
    failed = [one for one in children if one["status"] in {"error", "terminated"}]
    failed = [one for one in failed if not _is_tolerated(one)] or failed
    for one in sorted(failed, key=lambda one: str(one.get("endTime"))):
        cause = cause_of(one, below)
        if cause is not None:
            return cause
    return None


def _is_tolerated(job: Json) -> bool:
    return (job.get("behavior") or {}).get("onError") == "warning"
