"""`wait` and `logs`: staying with jobs to their end, also over a restart of the daemon.

Ctrl-C never touches a job.
"""

from __future__ import annotations

from lockside.cli import exits, jobs
from lockside.cli.frames import FramePrinter, frames, last_lines
from lockside.transport import inside_a_job

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from lockside.cli.grammar import Parsed
    from lockside.cli.session import Session

    Json = dict[str, Any]

WAIT_SECONDS = 600.0


def wait(session: Session, parsed: Parsed) -> int:
    """Wait for jobs: 0 when all ended well, 1 when one did not, 124 when the time was up."""
    ids = [session.job_id(reference) for reference in parsed.many("job")]
    timeout = parsed.number("timeout")
    try:
        ended = wait_for(session, ids, timeout, "any" if parsed.flag("any") else "all")
    except KeyboardInterrupt:
        session.say_aside(f"left alone: {_named(ids)} {'goes' if len(ids) == 1 else 'go'} on.")
        return exits.INTERRUPTED
    if session.out.as_json:
        session.out.json({"jobs": ended})
    else:
        _tell_ends(session, ended)
    finished = [job for job in ended if job["isFinished"]]
    if not finished or (len(finished) < len(ended) and not parsed.flag("any")):
        session.say_aside("the time is up; the jobs go on.")
        return exits.TIMED_OUT
    return exit_code(finished)


def wait_for(
    session: Session, ids: list[str], timeout: float | None = None, until: str = "all"
) -> list[Json]:
    """Wait in the daemon, without polling, and give the jobs as they are at the end or at the time-out."""
    left = timeout
    while True:
        once = WAIT_SECONDS if left is None else min(left, WAIT_SECONDS)
        answer = session.call_patiently(
            "job.wait", ids=ids, timeoutSeconds=once, until=until, waiterRunId=inside_a_job()
        )
        found: list[Json] = answer["jobs"]
        done = any if until == "any" else all
        left = None if left is None else left - once
        if done(job["isFinished"] for job in found) or (left is not None and left <= 0):
            return found


def exit_code(ended: list[Json]) -> int:
    """Give 0 when all of the jobs ended well, else 1."""
    return 0 if all(job["status"] in jobs.GOOD_ENDS for job in ended) else exits.FAILED


def _tell_ends(session: Session, ended: list[Json]) -> None:
    for job in ended:
        word, colour = jobs.status(job)
        if session.out.terminal:
            said = jobs.ending(job) if job["isFinished"] else word
            session.out.line(f"job {job['id']}: {jobs.title(job)} - {session.out.paint(colour, said)}")
        else:
            session.out.line(f"{job['id']}\t{word}")


def _named(ids: list[str]) -> str:
    return ("job " if len(ids) == 1 else "jobs ") + ", ".join(ids)


def wait_to_the_end(session: Session, created: list[Json]) -> int:
    """Wait for new jobs and print how they ended."""
    ids = [str(job["id"]) for job in created]
    try:
        ended = wait_for(session, ids)
    except KeyboardInterrupt:
        return _left_alone(session, ids)
    if session.out.as_json:
        session.out.json(ended[0] if len(ended) == 1 else {"jobs": ended})
    else:
        _tell_ends(session, ended)
        _hint_after_failure(session, ended)
    return exit_code(ended)


def _hint_after_failure(session: Session, ended: list[Json]) -> None:
    for job in ended:
        if job["status"] not in jobs.GOOD_ENDS:
            session.out.hint(f"  next: lockside show {job['id']}")


def follow_to_the_end(session: Session, job: Json) -> int:
    """Print a job's log as it is written, then how the job ended."""
    number = str(job["id"])
    if session.out.terminal:
        session.out.line(session.out.paint("dim", f"job {number}: {jobs.title(job)}"))
        if job.get("reasons"):
            session.out.line(session.out.paint("dim", f"  it waits: {jobs.detail(job)}"))
    try:
        printer = FramePrinter(session)
        for frame in frames(session, number, follow=True):
            printer.show(frame)
        ended = wait_for(session, [number])
    except KeyboardInterrupt:
        return _left_alone(session, [number])
    if session.out.as_json:
        session.out.json_line(ended[0])
    elif session.out.terminal:
        _tell_ends(session, ended)
        _hint_after_failure(session, ended)
    return exit_code(ended)


def _left_alone(session: Session, ids: list[str]) -> int:
    first = ids[0]
    session.say_aside(
        f"left alone: {_named(ids)} {'goes' if len(ids) == 1 else 'go'} on. "
        f"`lockside logs -f {first}` comes back to it, `lockside kill {first}` stops it."
    )
    return exits.INTERRUPTED


def logs(session: Session, parsed: Parsed) -> int:
    """Print what a job wrote."""
    number = session.job_id(parsed.required("job"))
    stream = "stdout" if parsed.flag("stdout") else "stderr" if parsed.flag("stderr") else None
    wanted = parsed.number("lines")
    if wanted is not None and not parsed.flag("follow"):
        for line in last_lines(session, number, int(wanted), stream):
            session.out.line(line)
        return 0
    printer = FramePrinter(session, parsed.flag("times"))
    try:
        for frame in frames(session, number, parsed.flag("follow"), stream, parsed.text("row")):
            printer.show(frame)
    except KeyboardInterrupt:
        return _left_alone(session, [number])
    if session.out.terminal:
        _log_end(session, number, parsed.flag("follow"))
    return 0


def _log_end(session: Session, number: str, followed: bool) -> None:
    job = session.call_patiently("job.get", id=number)
    if job["isFinished"]:
        session.out.hint(f"-- job {number}: {jobs.ending(job)}")
    elif not followed:
        session.out.hint(
            f"-- job {number} is {job['status']}; lockside logs -f {number} shows more as it comes"
        )
