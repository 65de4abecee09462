"""`show` and `why`: the story of one job, and what keeps it from starting."""

from __future__ import annotations

from datetime import UTC, datetime

from lockside.cli import jobs, times

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from lockside.cli.grammar import Parsed
    from lockside.cli.session import Session

    Json = dict[str, Any]

_LOG_LINES = 10


def show(session: Session, parsed: Parsed) -> int:
    """Tell the story of a job."""
    job = session.call("job.get", id=session.job_id(parsed.required("job")))
    if session.out.as_json:
        session.out.json(job)
        return 0
    now = datetime.now(UTC)
    _heading(session, job)
    _facts(session, job, now)
    _story(session, job, now)
    if job.get("isFinished"):
        _end(session, job)
    _next_step(session, job)
    return 0


def _heading(session: Session, job: Json) -> None:
    word, colour = jobs.status(job)
    out = session.out
    out.line(f"{out.paint('bold', 'job ' + str(job['id']))}  {jobs.title(job)}  {out.paint(colour, word)}")
    if job.get("description"):
        out.line(f"  {job['description']}")


def _facts(session: Session, job: Json, now: datetime) -> None:
    creator = job.get("principal") or {}
    facts = [
        (
            "created",
            f"{times.local(job.get('createdTime'), now)} by {creator.get('user') or creator.get('uid')}",
        ),
        ("pool", f"{job.get('pool') or 'none'}, priority {job.get('priority')}"),
        ("lock", str(job.get("lockKey") or "none")),
        ("parent", str(job.get("parentRunId") or "")),
        ("labels", ", ".join(f"{name}={value}" for name, value in (job.get("labels") or {}).items())),
        ("folder", str(job.get("workPath") or "")),
    ]
    for name, value in facts:
        if value:
            session.out.line(f"  {name:<9}{value}")


def _story(session: Session, job: Json, now: datetime) -> None:
    """Tell when it waited and ran, in order."""
    out = session.out
    out.line()
    queued = job.get("queueSeconds")
    if not job.get("startTime"):
        if not job.get("isFinished"):
            so_far = (now - times.parsed(job["createdTime"])).total_seconds()
            out.line(f"  It has waited for {times.span(so_far)}:")
            _reasons(session, job.get("reasons") or [])
        return
    waited = f" after {times.span(float(queued))} in the queue" if queued else ""
    out.line(f"  {times.local(job['startTime'], now)}  started{waited}")
    for stage, at in (job.get("stageTimestamps") or {}).items():
        if stage not in {"accepted", "done"}:
            out.line(out.paint("dim", f"  {times.local(at, now)}    {stage.replace('_', ' ')}"))
    if (job.get("starts") or 0) > 1:
        out.line(f"  It was started {job['starts']} times; the machine failed it before.")
    if not job.get("isFinished"):
        out.line(f"  running for {jobs.took(job, now)}  {jobs.progress(job)}".rstrip())
    else:
        out.line(f"  {times.local(job.get('endTime'), now)}  ended")


def _end(session: Session, job: Json) -> None:
    out = session.out
    out.line()
    out.line("  " + out.paint(jobs.COLOURS.get(str(job["status"]), ""), jobs.ending(job)))
    usage = job.get("process") or {}
    if usage.get("maxRssBytes"):
        seconds = float(usage.get("userSeconds") or 0) + float(usage.get("systemSeconds") or 0)
        out.line(
            f"  it took {seconds:.1f} s of processor time and {times.size(usage['maxRssBytes'])} of memory"
        )
    if job["status"] not in jobs.GOOD_ENDS and job.get("starts"):
        _last_words(session, job)


def _last_words(session: Session, job: Json) -> None:
    """Show the end of a failed job's log, where the cause mostly stands."""
    from lockside.cli.frames import last_lines

    lines = last_lines(session, str(job["id"]), _LOG_LINES)
    if lines:
        session.out.line()
        session.out.line("  the end of its log:")
        for line in lines:
            session.out.line(session.out.paint("dim", "  | ") + line)


def _next_step(session: Session, job: Json) -> None:
    number = job["id"]
    match job["status"]:
        case "created" | "waiting":
            step = f"lockside why {number} · lockside kill {number}"
        case "processing" | "terminating":
            step = f"lockside logs -f {number} · lockside kill {number}"
        case "success" | "warning":
            step = f"lockside logs {number}"
        case _ if job.get("config"):
            step = f"lockside logs {number} · lockside run {job['component']}/{job['config']} --follow"
        case _:
            step = f"lockside logs {number}"
    session.out.hint(f"\n  next: {step}")


def why(session: Session, parsed: Parsed) -> int:
    """Say why a job waits, in sentences."""
    number = session.job_id(parsed.required("job"))
    explained = session.call("job.explain", id=number)
    if session.out.as_json:
        session.out.json(explained)
        return 0
    reasons = explained.get("reasons") or []
    if not reasons:
        session.out.line(f"Job {number} does not wait: it is {explained['status']}.")
        session.out.hint(f"  next: lockside show {number}")
        return 0
    position = explained.get("position")
    place = f" It is number {position} in its line." if position else ""
    count = "one reason" if len(reasons) == 1 else f"{len(reasons)} reasons"
    session.out.line(f"Job {number} has not started, for {count}.{place}")
    _reasons(session, reasons)
    steps = dict.fromkeys(step for reason in reasons if (step := _step_against(reason, number)))
    if steps:
        session.out.hint(f"  next: {' · '.join(steps)}")
    return 0


def _step_against(reason: Json, number: str) -> str:
    """Name the command that looks at the cause of a reason, or does away with it."""
    match reason["kind"]:
        case "config_lock" if reason.get("holders"):
            return f"lockside show {reason['holders'][0]}"
        case "dependency" if reason.get("jobs"):
            return f"lockside why {reason['jobs'][0]}"
        case "pool_full":
            return "lockside pool ls"
        case "pool_paused":
            return f"lockside pool resume {reason['pool']}"
        case "held":
            return f"lockside release {number}"
        case "draining":
            return "lockside undrain"
        case "no_executor" | "store_unavailable":
            return "lockside doctor"
        case _:
            return ""


def _reasons(session: Session, reasons: list[Json]) -> None:
    now = datetime.now(UTC)
    out = session.out
    for reason in reasons:
        since = f", since {times.ago(reason['since'], now)}" if reason.get("since") else ""
        out.line(f"  {out.paint('yellow', str(reason['kind']))}{out.paint('dim', since)}")
        out.line(f"    {reason.get('message', '')}")
        if reason.get("unblock"):
            out.line(f"    What clears it: {reason['unblock']}")
