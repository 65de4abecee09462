"""`ack`, `annotate`, `purge`, `report`: they neither start nor stop jobs."""

from __future__ import annotations

import os

from lockside.cli import exits
from lockside.cli.grammar import Parsed, UsageError
from lockside.cli.jobs.control import each_job
from lockside.cli.session import Session
from lockside.errors import LocksideError
from lockside.session import NULL


def ack(session: Session, parsed: Parsed) -> int:
    """Acknowledge failures, or revoke that."""
    if parsed.flag("undo"):
        return each_job(session, parsed.many("job"), "job.unacknowledge")
    return each_job(session, parsed.many("job"), "job.acknowledge", comment=parsed.text("comment"))


def annotate(session: Session, parsed: Parsed) -> int:
    """Change the texts and labels of jobs."""
    changes = {name: value or NULL for name, value in parsed.members().items()}
    if not changes:
        raise UsageError("say what to change: --name, --description or --label.", "annotate")
    return each_job(session, parsed.many("job"), "job.annotate", **changes)


def purge(session: Session, parsed: Parsed) -> int:
    """Remove final jobs with their folders and logs, after a confirmation."""
    references = parsed.many("job")
    if not parsed.flag("yes") and not _is_confirmed(session, references):
        return exits.FAILED
    for reference in references:
        answer = session.call("job.purge", id=session.job_id(reference))
        if session.out.as_json:
            session.out.json_line(answer)
        else:
            session.out.line(f"job {answer['id']} is removed, with its folder and log")
    return exits.DONE


def _is_confirmed(session: Session, references: list[str]) -> bool:
    if not session.out.terminal or not os.isatty(0):
        raise UsageError("without a terminal, confirm with --yes.", "purge")
    named = f"{'job' if len(references) == 1 else 'jobs'} {', '.join(references)}"
    session.out.write(f"Remove {named} permanently, with folders and logs? [y/N] ")
    session.out.flush()
    return input().strip().lower() in {"y", "yes"}


def report(session: Session, parsed: Parsed) -> int:
    """Report the progress of the job in which this runs."""
    token = os.environ.get("LOCKSIDE_START_TOKEN")
    if not token:
        raise LocksideError(
            "There is no job here to report for.", remedy="It is for scripts that run as a job."
        )
    share = parsed.number("progress")
    answer = session.call("job.report", token=token, progress=share, message=parsed.text("message"))
    session.out.is_given(answer)
    return exits.DONE
