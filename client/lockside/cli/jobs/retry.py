"""`retry`, `resubmit`, `amend`: jobs made of jobs that exist."""

from __future__ import annotations

from lockside.cli.grammar import UsageError
from lockside.cli.jobs.run import options_of, show_created
from lockside.transport import new_deduplication_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from lockside.cli.grammar import Parsed
    from lockside.cli.session import Session

    Json = dict[str, Any]


def retry(session: Session, parsed: Parsed) -> int:
    """Run jobs again that have ended, or all that failed of them."""
    created: list[Json] = []
    for reference in parsed.many("job"):
        if parsed.flag("all_failed"):
            created += _once(session, "job.retryAllFailed", reference)["jobs"]
        else:
            created.append(_once(session, "job.retry", reference))
    if not created:
        session.say_aside("Nothing to retry: no job below it failed.")
    return show_created(session, parsed, created)


def resubmit(session: Session, parsed: Parsed) -> int:
    """Make an independent new job of the same request, with changes if there are any."""
    changes = options_of(parsed)
    made = _once(session, "job.resubmit", parsed.required("job"), **({"with": changes} if changes else {}))
    return show_created(session, parsed, [made])


def amend(session: Session, parsed: Parsed) -> int:
    """Replace a job that never started by one with changes, in the same place of the line."""
    changes = options_of(parsed)
    if not changes:
        raise UsageError("say what to change, as in --priority high.", "amend")
    return show_created(
        session, parsed, [_once(session, "job.amend", parsed.required("job"), **{"with": changes})]
    )


def _once(session: Session, method: str, reference: str, **params: Any) -> Json:
    """Make it once, whatever happens to the daemon or the connection meanwhile."""
    job_id = session.job_id(reference)
    params["deduplicationId"] = new_deduplication_id()
    answer: Json = session.call_patiently(method, id=job_id, **params)
    return answer
