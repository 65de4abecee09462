"""`wait`, and `run --wait`: wait for the end of jobs, also across a restart of the daemon.

Ctrl-C never touches a job.
"""

from __future__ import annotations

from lockside.cli import exits
from lockside.cli.grammar import Parsed
from lockside.cli.jobs import describe
from lockside.cli.jobs.job_tree import cause_of, load_tree
from lockside.cli.session import Json, Session
from lockside.cli.terminal.output import one_line
from lockside.session import run

_TOLD_ONE_BY_ONE = 20


def wait(session: Session, parsed: Parsed) -> int:
    ids = [session.job_id(reference) for reference in parsed.many("job")]
    timeout = parsed.number("timeout")
    if (
        session.out.terminal
        and timeout is None
        and not parsed.flag("any")
        and len(ids) <= describe.ANSWERED_WHOLE
    ):
        return wait_to_the_end(session, [session.call("job.get", id=number) for number in ids])
    try:
        ended = wait_for(session, ids, timeout, "any" if parsed.flag("any") else "all")
    except KeyboardInterrupt:
        session.say_aside(f"{job_names(ids)} {'goes' if len(ids) == 1 else 'go'} on.")
        return exits.INTERRUPTED
    if not session.out.is_given({"jobs": ended}):
        print_ends(session, ended)
        hint_after_failure(session, ended)
    finished = [job for job in ended if job["isFinished"]]
    if not finished or (len(finished) < len(ended) and not parsed.flag("any")):
        left = f"{job_names(ids)} has not ended" if len(ids) == 1 else "not all jobs have ended"
        session.say_aside(f"the time is up; {left}.")
        return exits.TIMED_OUT
    return exit_code(finished)


def wait_for(
    session: Session, ids: list[str], timeout: float | None = None, until: str = "all"
) -> list[Json]:
    """Wait in the daemon, without polling; returns the jobs at their end or at the timeout."""
    fields = describe.BRIEF if len(ids) > describe.ANSWERED_WHOLE else None
    return run(session.engine.wait(ids, timeout, until, fields=fields))


def exit_code(ended: list[Json]) -> int:
    """Return 0 if all jobs succeeded, else 1."""
    return 0 if all(job["status"] in describe.GOOD_ENDS for job in ended) else exits.FAILED


def print_ends(session: Session, ended: list[Json]) -> None:
    """Print how each job ended; for many on a terminal, only those that did not succeed."""
    many = session.out.terminal and len(ended) > _TOLD_ONE_BY_ONE
    for job in ended:
        word, colour = describe.status(job)
        if not session.out.terminal:
            session.out.line(f"{job['id']}\t{word}")
        elif not many or word not in describe.GOOD_ENDS:
            said = describe.ending(job) if job["isFinished"] else word
            session.out.line(f"{describe.called(job)}: {session.out.paint(colour, said)}")
    if many:
        good = sum(job["status"] in describe.GOOD_ENDS for job in ended)
        session.out.line(f"{good} of {len(ended)} jobs ended well.")


def job_names(ids: list[str]) -> str:
    """Return the ids of jobs; for many only the first and the last."""
    if len(ids) > _TOLD_ONE_BY_ONE:
        return f"{len(ids)} jobs, {ids[0]} to {ids[-1]},"
    return ("job " if len(ids) == 1 else "jobs ") + ", ".join(ids)


def wait_to_the_end(session: Session, created: list[Json]) -> int:
    """Wait for jobs and print how they ended; on a terminal their progress is shown meanwhile."""
    if session.out.terminal:
        from lockside.cli.jobs.follow import follow_to_the_end

        return follow_to_the_end(session, created, logs=False)
    ids = [str(job["id"]) for job in created]
    try:
        ended = wait_for(session, ids)
    except KeyboardInterrupt:
        return detached(session, ids, "wait")
    if not session.out.is_given(ended[0] if len(ended) == 1 else {"jobs": ended}):
        print_ends(session, ended)
        hint_after_failure(session, ended)
    return exit_code(ended)


def _cause(session: Session, job: Json) -> str:
    """Return for a container which job caused its failure, and why."""
    if job.get("type") not in describe.CONTAINERS or not job.get("runId"):
        return ""
    cause = cause_of(job, load_tree(session, str(job["runId"])))
    return "" if cause is None else f"; cause: {describe.called(cause)}: {describe.told(cause)}".rstrip(".")


def hint_after_failure(session: Session, ended: list[Json]) -> None:
    """Print the command that shows why it failed; without a terminal also print the failure to stderr."""
    failed = [job for job in ended if job["isFinished"] and job["status"] not in describe.GOOD_ENDS]
    if failed and session.out.terminal:
        session.out.hint(f"  next: lockside show {failed[0]['id']}")
    elif failed and not session.out.as_json:
        first, more = failed[0], f"; {len(failed) - 1} more did not end well" if failed[1:] else ""
        why = one_line(describe.ending(first)).rstrip(".") + _cause(session, first)
        session.say_aside(f"{describe.called(first)}: {why}{more}. See: lockside show {first['id']}")


def detached(session: Session, ids: list[str], again: str) -> int:
    """Print after Ctrl-C that the jobs continue, how to return to them and how to stop them."""
    some = " ".join(ids if len(ids) <= _TOLD_ONE_BY_ONE else [ids[0], "..."])
    session.say_aside(
        f"{job_names(ids)} {'goes' if len(ids) == 1 else 'go'} on. "
        f"To return: `lockside {again} {some}`; to stop: `lockside kill {some}`."
    )
    return exits.INTERRUPTED
