"""`why`: why a job does not start, in sentences, and what would change that."""

from __future__ import annotations

from collections.abc import Sequence

from lockside.cli import times
from lockside.cli.grammar import Parsed
from lockside.cli.jobs import describe
from lockside.cli.session import Asks, Json, Session
from lockside.cli.terminal.output import one_line, wrapped
from lockside.errors import NotFound

_FIELDS = ["id", "name", "component", "config", "configData", "status", "startTime", "progress", "principal"]
_FIELDS += ["durationSeconds", "message", "isFinished"]
_NAMED = 3


def why(session: Session, parsed: Parsed) -> int:
    number = session.job_id(parsed.required("job"))
    explained = session.call("job.explain", id=number)
    if session.out.is_given(explained):
        return 0
    job = session.call("job.get", id=number)
    reasons = explained.get("reasons") or []
    if not reasons:
        _does_not_wait(session, job)
        return 0
    so_far = times.span((times.now() - times.parsed(job["createdTime"])).total_seconds())
    count = "1 reason" if len(reasons) == 1 else f"{len(reasons)} reasons"
    session.out.line(f"{describe.called(job)} has waited for {so_far}, for {count}:")
    print_reasons(session, job, reasons)
    position = explained.get("position")
    if position:
        session.out.line(f"\n  Position {position} in the queue of {describe.pools(job)}.")
    _hint(session, number, reasons)
    return 0


def _does_not_wait(session: Session, job: Json) -> None:
    out = session.out
    number = job["id"]
    match job["status"]:
        case "processing":
            said = describe.running(job, times.now())
            out.line(f"{describe.called(job)} is not waiting: {said[0].lower()}{said[1:]}")
            out.hint(f"  next: lockside logs -f {number}")
        case "terminating":
            out.line(f"{describe.called(job)} is being stopped; it ends when its last process is gone.")
            out.hint(f"  next: lockside wait {number}")
        case _:
            out.line(f"{describe.called(job)} is not waiting; it has ended: {describe.ending(job)}")
            out.hint(f"  next: lockside show {number}")


def print_reasons(session: Session, job: Json, reasons: Sequence[Json]) -> None:
    """Print each reason in a sentence, and what clears it."""
    out = session.out
    width = out.width if out.terminal else 10_000
    for reason in reasons:
        sentences = one_line(" ".join(sentences_of(session, job, reason)))
        first, *more = wrapped(sentences, width - 1, "    ")
        out.line(f"  {out.paint('yellow', '○')} {first[4:]}")
        for line in more:
            out.line(line)
        kind = str(reason["kind"])
        cleared = (
            f"{kind}{_since(reason)}; cleared by {reason.get('unblock')}" if reason.get("unblock") else kind
        )
        for line in wrapped(one_line(cleared), width - 1, "    "):
            out.line(out.paint("dim", line))


def _since(reason: Json) -> str:
    if not reason.get("since"):
        return ""
    return f", for {times.span((times.now() - times.parsed(reason['since'])).total_seconds())}"


def sentences_of(session: Asks, job: Json, reason: Json) -> list[str]:
    """Return the message of a reason, with names in addition to ids."""
    said = [_message(reason)]
    if reason.get("via"):
        said.insert(0, f"Its container, job {reason['via']}, has not started:")
    if reason.get("ancestor"):
        said.append("That job contains the waiting job, which can start only when that job gives way.")
    named = [str(other) for name in ("holders", "running", "jobs") for other in reason.get(name) or ()]
    said += [_other(session, other) for other in named[:_NAMED]]
    if len(named) > _NAMED:
        said.append(f"And {len(named) - _NAMED} more.")
    if reason.get("comment") and reason["comment"] not in said[0]:
        said.append(f"The comment says: {reason['comment']}")
    return said


def _message(reason: Json) -> str:
    if reason["kind"] == "start_time" and reason.get("at"):
        now = times.now()
        return f"It starts at {times.local(reason['at'], now)}, {times.ago(reason['at'], now)}."
    said = str(reason.get("message") or reason["kind"])
    if reason["kind"] == "recovery":
        now = times.now()
        return f"{said} It is tested next {times.ago(reason['nextCheckTime'], now)}."
    return said


def _other(session: Asks, number: str) -> str:
    """Return a sentence about the state of another job that this one waits for."""
    try:
        other = session.call("job.get", id=number, fields=_FIELDS)
    except NotFound:
        return f"Job {number} is gone."
    who = (other.get("principal") or {}).get("user")
    by = f" of {who}" if who else ""
    called = f"Job {number} is {describe.title(other)}{by}"
    if other["status"] in describe.NOT_STARTED:
        return f"{called}; it is waiting, too (lockside why {number})."
    if other["status"] in describe.RUNNING and other.get("startTime"):
        share = other.get("progress")
        far = f", at {share:.0%}" if share is not None else ""
        return f"{called}; it has run for {describe.took(other, times.now())}{far}."
    return f"{called}; it is {other['status']}."


def _hint(session: Session, number: str, reasons: Sequence[Json]) -> None:
    steps = dict.fromkeys(step for reason in reasons if (step := step_against(reason, number)))
    if steps:
        session.out.hint(f"\n  next: {' · '.join(steps)}")


def step_against(reason: Json, number: str) -> str:
    """Return the command that shows the cause of a reason, or removes it."""
    held = str(reason.get("via") or number)
    match reason["kind"]:
        case "config_lock" if reason.get("holders"):
            return f"lockside logs -f {reason['holders'][0]}"
        case "dependency" | "phase" if reason.get("jobs"):
            return f"lockside show {reason['jobs'][0]}"
        case "pool_full" | "parallelism":
            return f"lockside ls --running --pool {reason['pool']}" if reason.get("pool") else "lockside top"
        case "pool_paused" if reason.get("by"):
            return f"lockside pool resume {reason['pool']}"
        case "pool_paused":
            return f"lockside pool put {reason['pool']} --slots N"
        case "resource":
            return "lockside resource ls"
        case "held":
            return f"lockside release {held}"
        case "recovery":
            return f"lockside unblock {held}"
        case "draining":
            return "lockside undrain"
        case "no_executor" | "store_unavailable":
            return "lockside doctor"
        case _:
            return ""
