"""A job and everything below it: asked for once, kept up to date by events, laid out as a tree."""

from __future__ import annotations

from lockside.cli.jobs import describe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from lockside.cli.session import Session

    Json = dict[str, Any]

_PAGE = 250


def load_tree(session: Session, run_id: str, fields: list[str] | None = None) -> list[Json]:
    """Give a job and all below it, the oldest first."""
    return list(session.jobs(runIdPrefix=run_id, order="asc", limit=_PAGE, fields=fields))


def tree_rows(found: Iterable[Json]) -> Iterator[tuple[str, Json]]:
    """Give each job behind the lines that lead to it, its children below it.

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
    """Call a job in a tree: what it is a part of stands above it."""
    return describe.part(job) if is_below else describe.title(job)


def update(job: Json, event: Json) -> bool:
    """Take over what an event says of a job; true when the rest of it should be asked for again."""
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
