"""Start and end times of the rows of a job that runs them one after another. The result of an ended job has
the times of its steps. Until then a row's start is the time of its first log line, and its end is the start
of the next row.
"""

from __future__ import annotations

from lockside.cli.jobs import describe
from lockside.cli.session import Json, Session
from lockside.errors import LocksideError


def rows_of(session: Session, job: Json) -> list[Json]:
    """Return the rows that a job ran one after another, each as a part of a job with its own times. Empty for
    a job with a single row, or if its configuration can no longer be read.
    """
    if job.get("type") not in {None, "standard"} or not job.get("config") or not job.get("startTime"):
        return []
    if (job.get("result") or {}).get("steps"):
        return _of_steps(job)
    try:
        begun = [(row, at) for row in _row_ids(session, job) if (at := _first_line(session, job, row))]
    except LocksideError:
        return []  # The timeline still shows the job itself.
    return [_part(job, begun, place) for place in range(len(begun))] if len(begun) > 1 else []


def _of_steps(job: Json) -> list[Json]:
    rows: dict[str, list[Json]] = {}
    for step in job["result"]["steps"]:
        if step.get("row") and step.get("startTime"):
            rows.setdefault(str(step["row"]), []).append(step)
    if len(rows) < 2:
        return []
    return [
        _made(job, row, str(steps[0]["startTime"]), steps[-1].get("endTime"), str(steps[-1]["status"]))
        for row, steps in rows.items()
    ]


def _row_ids(session: Session, job: Json) -> list[str]:
    config = session.call(
        "config.get",
        component=job["component"],
        config=job["config"],
        branchId=job.get("branchId"),
        version=job.get("configVersion"),
    )
    wanted = job.get("configRowIds") or [
        row["id"] for row in config.get("rows") or () if not row.get("isDisabled")
    ]
    return [str(row) for row in wanted] if len(wanted) > 1 else []


def _first_line(session: Session, job: Json, row: str) -> str | None:
    frames = session.call("job.log", id=job["id"], row=row, limit=1)["frames"]
    return str(frames[0]["time"]) if frames else None


def _part(job: Json, begun: list[tuple[str, str]], place: int) -> Json:
    """Return a part of a job: the last row has the job's status, those before it succeeded."""
    row, at = begun[place]
    is_last = place + 1 == len(begun)
    until = _end_of_rows(job) if is_last else begun[place + 1][1]
    status = job["status"] if is_last else "success"
    return _made(job, row, at, until, status)


def _made(job: Json, row: str, at: str, until: str | None, status: str) -> Json:
    of_row = {"creator": {"type": "container", "id": row}, "type": "standard", "createdTime": at}
    return (
        job | of_row | {"startTime": at, "endTime": until, "status": status, "isFinished": until is not None}
    )


def _end_of_rows(job: Json) -> str | None:
    stages = job.get("stageTimestamps") or {}
    ended = stages.get("output_mapping") or stages.get("cleaning_up") or job.get("endTime")
    return str(ended) if ended and job["status"] not in describe.LIVE else None
