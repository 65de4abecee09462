"""The tools that only read."""

import json
from typing import Annotated, Any, Final

from msgspec import Meta, field

from lockside.documents.base import In
from lockside.log_text import text_of
from lockside.mcp import shapes as s
from lockside.mcp.desk import PART_CHARACTERS, Desk, Json
from lockside.mcp.tool import facts, lines, tool

JobRef = Annotated[str, Meta(description="A job's id or uuid.")]
Cursor = Annotated[str, Meta(description="The `cursor` of the previous answer.")]
BRIEF: Final = [
    *("id", "name", "status", "component", "config", "createdTime", "startTime", "endTime"),
    *("durationSeconds", "message", "result", "isFinished"),
]
_WHOLE: Final = [*BRIEF, "process", "pool", "parentRunId", "runId", "labels", "reasons", "type"]
_PAGE: Final = 10
_MESSAGE_CHARACTERS: Final = 150
_GROUPS: Final = 20


class JobsList(In, frozen=True, kw_only=True):
    """Which jobs.

    Attributes:
        status: Only these statuses: created, waiting, processing, success, error ...
        component: Only this component.
        config: Only this configuration.
        text: Only those whose id, name, component or configuration begins with this text.
        created_from: Only those created at this time or later, as in 2026-01-31T08:00:00Z.
    """

    status: list[str] = []
    component: str | None = None
    config: str | None = None
    text: str | None = None
    created_from: str | None = None
    cursor: Cursor | None = None


class OneJob(In, frozen=True, kw_only=True):
    """A job."""

    id: JobRef


class JobLog(In, frozen=True, kw_only=True):
    """Which part of a log.

    Attributes:
        row: Only the output of this row.
        stream: Only `stdout`, `stderr` or `gelf`.
    """

    id: JobRef
    row: str | None = None
    stream: str | None = None
    cursor: Cursor | None = None


class Stats(In, frozen=True, kw_only=True):
    """How jobs are grouped.

    Attributes:
        group_by: One or more of status, component, config, pool, day.
        created_from: Only jobs created at this time or later.
    """

    group_by: list[str] = field(default_factory=lambda: ["status"])
    component: str | None = None
    config: str | None = None
    created_from: str | None = None


class ConfigGet(In, frozen=True, kw_only=True):
    """Which configuration.

    Attributes:
        version: An older version; null means the current one.
    """

    component: str
    config: str
    version: int | None = None
    cursor: Cursor | None = None


class Components(In, frozen=True, kw_only=True):
    """Which part of the list."""

    cursor: Cursor | None = None


@tool("jobs_list", JobsList, s.JobsAnswer)
async def jobs_list(desk: Desk, asked: JobsList) -> tuple[str, s.JobsAnswer]:
    """List jobs, the newest first, without jobs that are part of another."""
    found = await desk.call(
        "job.list",
        status=asked.status or None,
        component=asked.component,
        config=asked.config,
        text=asked.text,
        createdFrom=asked.created_from,
        onlyRoots=True,
        limit=_PAGE,
        cursor=asked.cursor,
        fields=BRIEF,
    )
    jobs = [brief(desk, job, _MESSAGE_CHARACTERS) for job in found["jobs"]]
    answer = s.JobsAnswer(jobs=jobs, cursor=found.get("nextCursor"))
    more = f"There are more: pass cursor {answer.cursor}" if answer.cursor else None
    return lines(*map(told, jobs), more) or "There are no such jobs.", answer


def brief(desk: Desk, job: Json, characters: int) -> s.JobBrief:
    """Return a summary of a job, with its last message."""
    result = job.get("result") or {}
    error = result.get("error") or {}
    said = error.get("message") or result.get("message") or job.get("message") or ""
    return s.JobBrief(
        id=job["id"],
        name=cut(job.get("name")),
        status=job["status"],
        component=job.get("component"),
        config=cut(job.get("config")),
        created_time=job["createdTime"],
        start_time=job.get("startTime"),
        end_time=job.get("endTime"),
        duration_seconds=job.get("durationSeconds"),
        message=desk.marks.around(said[:characters]),
    )


def cut(text: str | None) -> str | None:
    """Shorten a name for a list."""
    return text if text is None or len(text) <= 80 else text[:79] + "…"


def told(job: s.JobBrief) -> str:
    """Format a job in one line."""
    what = f"{job.component}/{job.config}" if job.config else job.component
    named = f"{job.name} " if job.name and job.name != what else ""
    ran = f", {job.duration_seconds:.1f} s" if job.duration_seconds else ""
    said = f" {job.message}" if job.message else ""
    return f"job {job.id}: {named}({what}) {job.status}, created {job.created_time}{ran}{said}"


@tool("job_show", OneJob, s.JobAnswer)
async def job_show(desk: Desk, asked: OneJob) -> tuple[str, s.JobAnswer]:
    """Show one job: its status, how it ended, its message, its children, why it waits."""
    return await shown(desk, await desk.call("job.get", id=asked.id, fields=_WHOLE))


async def shown(desk: Desk, job: Json) -> tuple[str, s.JobAnswer]:
    """Return a job as text and data."""
    parent = (job.get("parentRunId") or "").rpartition(".")[2] or None
    children: dict[str, int] = {}
    if job["type"] != "standard":
        stats = await desk.call("job.stats", groupBy=["status"], parentRunId=job["runId"])
        children = {one["group"]["status"]: one["count"] for one in stats["groups"]}
    answer = s.JobAnswer(
        job=brief(desk, job, 2_000),
        error_kind=((job.get("result") or {}).get("error") or {}).get("kind"),
        exit_code=(job.get("process") or {}).get("exitCode"),
        pool=job.get("pool"),
        parent=parent,
        labels={name: cut(value) or "" for name, value in list((job.get("labels") or {}).items())[:20]},
        children=children,
        reasons=[reason["message"][:300] for reason in (job.get("reasons") or [])[:10]],
        deduplicated=bool(job.get("deduplicated")),
    )
    known = {"exit code": answer.exit_code, "error": answer.error_kind, "pool": answer.pool}
    counted = [f"{count} {status}" for status, count in children.items()]
    more = facts({**known, "part of job": parent, "children:": ", ".join(counted)})
    return lines(told(answer.job), more, *(f"It waits: {reason}" for reason in answer.reasons)), answer


@tool("job_why", OneJob, s.WhyAnswer)
async def job_why(desk: Desk, asked: OneJob) -> tuple[str, s.WhyAnswer]:
    """Return why a job waits: all reasons at once, and what would clear each."""
    found = await desk.call("job.explain", id=asked.id)
    reasons = [
        s.Why(
            kind=one["kind"], since=one["since"], message=one["message"][:300], unblock=one["unblock"][:200]
        )
        for one in found["reasons"][:10]
    ]
    answer = s.WhyAnswer(id=asked.id, status=found["status"], reasons=reasons, position=found.get("position"))
    if not reasons:
        return f"Job {asked.id} does not wait: it is {answer.status}.", answer
    place = f"Position {answer.position} in the queue of its pool." if answer.position else None
    texts = [f"{one.message} Since {one.since}; cleared by: {one.unblock}" for one in reasons]
    return lines(f"Job {asked.id} waits:", *texts, place), answer


@tool("job_log", JobLog, s.LogAnswer)
async def job_log(desk: Desk, asked: JobLog) -> tuple[str, s.LogAnswer]:
    """Read a job's output, part by part."""
    offset, skipped = _place(asked.cursor)
    output, complete = "", False
    while len(output) < PART_CHARACTERS:
        page = await desk.call(
            "job.log", id=asked.id, row=asked.row, stream=asked.stream, offset=offset, limit=100
        )
        for frame in page["frames"]:
            text = _text(frame)[skipped:]
            room = PART_CHARACTERS - len(output)
            output += text[:room]
            if len(text) > room:
                return _log_answer(desk, asked.id, output, f"{frame['seq']}.{skipped + room}", False)
            offset, skipped = frame["seq"] + 1, 0
        has_moved = page["nextOffset"] > offset or bool(page["frames"])
        offset, complete = max(offset, page["nextOffset"]), page["isComplete"]
        if not has_moved:
            break
    return _log_answer(desk, asked.id, output, None if complete else f"{offset}.0", complete)


def _place(cursor: str | None) -> tuple[int, int]:
    frame, _, skipped = (cursor or "0.0").partition(".")
    return (int(frame), int(skipped)) if frame.isdecimal() and skipped.isdecimal() else (0, 0)


def _text(frame: Json) -> str:
    if "dropped" in frame:
        return f"[{frame['dropped']['bytes']} bytes are missing here]\n"
    return text_of(frame)


def _log_answer(
    desk: Desk, job: str, output: str, cursor: str | None, complete: bool
) -> tuple[str, s.LogAnswer]:
    marked = desk.marks.around(output)
    answer = s.LogAnswer(id=job, output=marked, cursor=cursor, is_complete=complete)
    more = "This is its end." if complete else f"For the next part pass cursor {cursor}"
    return lines(
        f"Output of job {job}:" if marked else f"Job {job} wrote nothing here.", marked, more
    ), answer


@tool("stats", Stats, s.StatsAnswer)
async def stats(desk: Desk, asked: Stats) -> tuple[str, s.StatsAnswer]:
    """Count jobs and their durations, grouped by status, component, config, pool or day."""
    found = await desk.call(
        "job.stats",
        groupBy=asked.group_by,
        component=asked.component,
        config=asked.config,
        createdFrom=asked.created_from,
    )
    groups: list[dict[str, Any]] = [
        {
            **{name: cut(str(value)) for name, value in one["group"].items()},
            "count": one["count"],
            "averageSeconds": one["durationSeconds"]["average"],
            "maxSeconds": one["durationSeconds"]["max"],
        }
        for one in found["groups"]
    ]
    answer = s.StatsAnswer(groups=groups[:_GROUPS], is_cut=len(groups) > _GROUPS)
    more = f"{len(groups) - _GROUPS} more groups are omitted: use filters." if answer.is_cut else None
    return lines(*map(facts, answer.groups), more) or "There are no such jobs.", answer


@tool("config_get", ConfigGet, s.DocumentAnswer)
async def config_get(desk: Desk, asked: ConfigGet) -> tuple[str, s.DocumentAnswer]:
    """Read a stored configuration as JSON. Values of secrets are cipher texts."""
    found = await desk.call(
        "config.get", component=asked.component, config=asked.config, version=asked.version
    )
    shown = {name: found[name] for name in ("name", "description", "configuration", "rows") if name in found}
    text = json.dumps(shown, ensure_ascii=False, indent=1)
    begin = int(asked.cursor) if asked.cursor is not None and asked.cursor.isdecimal() else 0
    end = begin + PART_CHARACTERS
    answer = s.DocumentAnswer(
        component=asked.component,
        config=asked.config,
        version=found["version"],
        text=text[begin:end],
        cursor=str(end) if end < len(text) else None,
    )
    head = f"Version {answer.version} of {asked.component}/{asked.config}:"
    return lines(head, answer.text, answer.cursor and f"For the rest pass cursor {answer.cursor}"), answer


@tool("components", Components, s.ComponentsAnswer)
async def components(desk: Desk, asked: Components) -> tuple[str, s.ComponentsAnswer]:
    """List the components that jobs can run."""
    found = await desk.call("component.list", limit=_PAGE, cursor=asked.cursor)
    listed = [
        s.ComponentBrief(
            id=one["id"],
            name=cut(one.get("name")),
            type=one.get("type"),
            version=one.get("version"),
            description=(one.get("description") or "")[:200] or None,
        )
        for one in found["components"]
    ]
    answer = s.ComponentsAnswer(components=listed, cursor=found.get("nextCursor"))
    texts = [f"{one.id}: {one.description or one.name or one.type}" for one in listed]
    return lines(*texts, answer.cursor and f"There are more: pass cursor {answer.cursor}"), answer
