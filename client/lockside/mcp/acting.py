"""The tools that change something, and the one that waits for a job. New jobs are labelled `via=mcp`."""

from typing import Annotated, Any, Final

from msgspec import Meta

from lockside.documents.base import In
from lockside.mcp import shapes as s
from lockside.mcp.desk import Desk, Json
from lockside.mcp.reading import JobRef, cut, shown
from lockside.mcp.tool import lines, tool

LABELS: Final = {"via": "mcp"}
_FIELDS: Final = [
    *("id", "name", "status", "component", "config", "createdTime", "startTime", "endTime", "type", "runId"),
    *("durationSeconds", "message", "result", "process", "pool", "parentRunId", "labels", "reasons"),
]
LONGEST_WAIT_SECONDS: Final = 50.0
_SHOWN: Final = 20
Once = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=255,
        description="A text of your choice: a repeated call with the same text has no further effect.",
    ),
]


class JobRun(In, frozen=True, kw_only=True):
    """What to run.

    Attributes:
        config: A stored configuration.
        config_data: A configuration that is not stored, instead of `config` or merged over it.
        config_row_ids: Only these rows.
        variables: Values of variables.
        name: A name for people.
    """

    component: str
    config: str | None = None
    config_data: dict[str, Any] | None = None
    config_row_ids: list[str] = []
    variables: dict[str, str] = {}
    name: str | None = None
    deduplication_id: Once


class JobRetry(In, frozen=True, kw_only=True):
    """Which job to run again.

    Attributes:
        resume: Carry over what succeeded; only the rest runs.
    """

    id: JobRef
    resume: bool = False
    deduplication_id: Once


class JobWait(In, frozen=True, kw_only=True):
    """Which job to wait for.

    Attributes:
        timeout_seconds: Return after this time at the latest.
    """

    id: JobRef
    timeout_seconds: Annotated[float, Meta(ge=0, le=LONGEST_WAIT_SECONDS)] = LONGEST_WAIT_SECONDS


class JobKill(In, frozen=True, kw_only=True):
    """Which job to stop.

    Attributes:
        confirm: The confirmation word of the preview; without it nothing is stopped.
    """

    id: JobRef
    confirm: str | None = None


@tool("job_run", JobRun, s.JobAnswer, acts=True)
async def job_run(desk: Desk, asked: JobRun) -> tuple[str, s.JobAnswer]:
    """Create a job. It may wait before it starts; wait for its end with job_wait."""
    values = [{"name": name, "value": value} for name, value in asked.variables.items()]
    job = await desk.call(
        "job.create",
        component=asked.component,
        config=asked.config,
        configData=asked.config_data,
        configRowIds=asked.config_row_ids or None,
        variableValuesData={"values": values} if values else None,
        name=asked.name,
        labels=LABELS,
        deduplicationId=asked.deduplication_id,
        fields=_FIELDS,
    )
    return await _made(desk, job)


async def _made(desk: Desk, job: Json) -> tuple[str, s.JobAnswer]:
    text, answer = await shown(desk, job)
    return lines("Nothing was created: it was called before." if answer.deduplicated else None, text), answer


@tool("job_retry", JobRetry, s.JobAnswer, acts=True)
async def job_retry(desk: Desk, asked: JobRetry) -> tuple[str, s.JobAnswer]:
    """Run a job that has ended again."""
    once = asked.deduplication_id
    job = await desk.call("job.retry", id=asked.id, resume=asked.resume, deduplicationId=once, fields=_FIELDS)
    labels = {**(job.get("labels") or {}), **LABELS}
    if labels != job.get("labels"):
        marked = await desk.call("job.annotate", id=job["id"], labels=labels, fields=_FIELDS)
        job = {**marked, "deduplicated": job.get("deduplicated")}
    return await _made(desk, job)


@tool("job_wait", JobWait, s.JobAnswer)
async def job_wait(desk: Desk, asked: JobWait) -> tuple[str, s.JobAnswer]:
    """Wait until a job has ended, for at most 50 seconds. Call it again while the job is not final."""
    job = await desk.call("job.wait", id=asked.id, timeoutSeconds=asked.timeout_seconds, fields=_FIELDS)
    return await shown(desk, job)


@tool("job_kill", JobKill, s.KillAnswer, acts=True, is_destructive=True)
async def job_kill(desk: Desk, asked: JobKill) -> tuple[str, s.KillAnswer]:
    """Stop a job. Without `confirm` nothing is stopped: it returns what would happen, and the word to confirm
    it.
    """
    plan = await desk.call("job.terminate", id=asked.id, dryRun=True)
    told = {
        name: [cut(one) or "" for one in plan[name][:_SHOWN]]
        for name in ("stopped", "cancelled", "freed", "started")
    }
    if asked.confirm is not None and desk.is_confirmed(asked.confirm, asked.id, plan):
        job = await desk.call("job.terminate", id=asked.id, fields=["status"])
        done = _kill(asked.id, told, job["status"])
        return f"Job {asked.id} is {job['status']}.", done
    status = (await desk.call("job.get", id=asked.id, fields=["status"]))["status"]
    word = desk.shown(asked.id, plan)
    preview = _kill(asked.id, told, status, word)
    refused = "The confirmation word is wrong or has expired." if asked.confirm is not None else None
    happens = [f"{name}: {', '.join(ids)}" for name, ids in told.items() if ids]
    return lines(
        refused,
        f"Nothing is stopped yet. This would happen to job {asked.id} ({status}):",
        *(happens or ["nothing: it has ended"]),
        f"To do it, call job_kill again with confirm {word} within 60 seconds.",
    ), preview


def _kill(job: str, told: dict[str, list[str]], status: str, word: str | None = None) -> s.KillAnswer:
    return s.KillAnswer(
        id=job,
        is_done=word is None,
        stopped=told["stopped"],
        cancelled=told["cancelled"],
        freed=told["freed"],
        started=told["started"],
        confirm=word,
        status=status,
    )
