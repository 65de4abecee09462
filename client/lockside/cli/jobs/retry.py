"""`retry`, `resubmit`, `amend`: new jobs from existing ones."""

from __future__ import annotations

from lockside.cli.files.parse import FileError, read_document
from lockside.cli.grammar import Parsed, UsageError
from lockside.cli.jobs import describe
from lockside.cli.jobs.run import show_created
from lockside.cli.session import Json, Session
from lockside.transport import new_deduplication_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def retry(session: Session, parsed: Parsed) -> int:
    if parsed.flag("resume") and parsed.flag("all_failed"):
        raise UsageError("give either --resume or --all-failed.", "retry")
    asked: Json = {"resume": True} if parsed.flag("resume") else {}
    asked |= _scope(parsed)
    if parsed.flag("plan"):
        return _plan(session, parsed, asked)
    created: list[Json] = []
    for reference in parsed.many("job"):
        if parsed.flag("all_failed"):
            created += _once(session, "job.retryAllFailed", reference, **asked)["jobs"]
        else:
            created.append(_once(session, "job.retry", reference, **asked))
    if not created:
        is_of_records = asked.get("scope") == "failedRecords"
        left = "failed record below it is open" if is_of_records else "job below it failed"
        session.say_aside(f"Nothing to retry: no {left}.")
    return show_created(session, parsed, created)


def _scope(parsed: Parsed) -> Json:
    """Return the parameters for failed chunks or failed records."""
    if parsed.flag("failed_chunks"):
        if parsed.flag("failed_records"):
            raise UsageError("give either --failed-records or --failed-chunks.", "retry")
        return {"scope": "failedChunks"}
    numbers, file = parsed.many("record"), parsed.text("replace")
    if not parsed.flag("failed_records"):
        if numbers or file:
            raise UsageError("--record and --replace need --failed-records.", "retry")
        return {}
    asked: Json = {"scope": "failedRecords"}
    if numbers:
        asked["numbers"] = [int(number) for number in numbers]
    if file:
        try:
            asked["replace"] = read_document(file)
        except FileError as error:
            raise UsageError(str(error), "retry") from error
    return asked


def _plan(session: Session, parsed: Parsed, asked: Json) -> int:
    """Show what a retry would run; nothing is created."""
    if parsed.flag("all_failed"):
        raise UsageError("--plan shows a retry, with --resume or without.", "retry")
    plans = []
    for reference in parsed.many("job"):
        job_id = session.job_id(reference)
        plans.append((job_id, session.call("job.retry", id=job_id, dryRun=True, **asked)))
    if session.out.is_given({"jobs": [plan for _, plan in plans]}):
        return 0
    option = " --resume" if asked.get("resume") else ""
    option = {"failedRecords": " --failed-records", "failedChunks": " --failed-chunks"}.get(
        asked.get("scope", ""), option
    )
    for job_id, plan in plans:
        _show_plan(session, plan)
        session.out.hint(f"  next: lockside retry{option} {job_id}")
    return 0


def _show_plan(session: Session, job: Json) -> None:
    out = session.out
    out.line(f"would run: {describe.title(job)}")
    rows = job.get("configRowIds")
    if rows:
        out.line(f"  row{'' if len(rows) == 1 else 's'} {', '.join(rows)}")
    phases = (job.get("plan") or {}).get("phases") or []
    tasks = [(phase["id"], task) for phase in phases for task in phase["tasks"]]
    wide = max((len(str(task["id"])) for _, task in tasks), default=0)
    for phase in phases:
        out.line(f"  phase {phase['id']}")
        for task in phase["tasks"]:
            colour = {"run": "cyan", "carry": "green"}.get(task["action"], "dim")
            action = out.paint(colour, f"{task['action']:<6}")
            out.line(f"    {action}{task['id']:<{wide}}  {out.paint('dim', task['reason'])}")


def resubmit(session: Session, parsed: Parsed) -> int:
    changes = parsed.members()
    pinned = {"pinned": True} if parsed.flag("pinned") else {}
    made = _once(
        session, "job.resubmit", parsed.required("job"), **pinned, **({"with": changes} if changes else {})
    )
    return show_created(session, parsed, [made])


def amend(session: Session, parsed: Parsed) -> int:
    changes = parsed.members()
    if not changes:
        raise UsageError("say what to change, as in --priority high.", "amend")
    return show_created(
        session, parsed, [_once(session, "job.amend", parsed.required("job"), **{"with": changes})]
    )


def _once(session: Session, method: str, reference: str, **params: Any) -> Json:
    """Call the method so that it takes effect once, even if the daemon or the connection fails meanwhile."""
    job_id = session.job_id(reference)
    params["deduplicationId"] = new_deduplication_id()
    answer: Json = session.call_patiently(method, id=job_id, **params)
    return answer
