"""`kill`, `hold`, `release`, `pause`, `resume`, `prio`: actions on existing jobs."""

from __future__ import annotations

from lockside.cli import exits
from lockside.cli.grammar import Parsed
from lockside.cli.jobs import describe
from lockside.cli.session import Json, Session
from lockside.errors import LocksideError, NotReachable

_NAMED = 10

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def kill(session: Session, parsed: Parsed) -> int:
    references = parsed.many("job")
    if parsed.flag("dry_run"):
        return _preview_kill(session, references)
    code = each_job(session, references, "job.terminate")
    if parsed.flag("wait"):
        from lockside.cli.jobs.wait import wait_for

        ended = wait_for(session, [session.job_id(reference) for reference in references])
        for job in ended:
            session.out.line(f"{describe.called(job)}: {describe.ending(job)}")
    return code


def _preview_kill(session: Session, references: list[str]) -> int:
    """Print what a kill would stop, cancel, free and start."""
    for reference in references:
        number = session.job_id(reference)
        effect = session.call("job.terminate", id=number, dryRun=True)
        if session.out.as_json:
            session.out.json_line(effect)
        else:
            _tell_effect(session, number, effect)
    return exits.DONE


def _tell_effect(session: Session, number: str, effect: Json) -> None:
    session.out.line(f"`lockside kill {number}` would do this (nothing was done):")
    nothing = True
    for name in ("stopped", "cancelled", "freed", "started"):
        listed = effect.get(name) or []
        if listed:
            nothing = False
            word = {"stopped": "stop", "cancelled": "cancel", "freed": "free", "started": "let start"}[name]
            called = _with_process if name == "stopped" else _named
            named = listed if name == "freed" else [called(session, str(each)) for each in listed[:_NAMED]]
            more = f" and {len(listed) - _NAMED} more" if len(listed) > len(named) else ""
            session.out.line(f"  {word}: {', '.join(map(str, named))}{more}")
    for container in effect.get("ended") or ():
        nothing = False
        session.out.line(f"  end: {_named(session, str(container['job']))} as {container['status']}")
    if nothing:
        session.out.line("  nothing: it has already ended")


def _named(session: Session, number: str) -> str:
    return describe.called(session.call("job.get", id=number, fields=describe.NAMING))


def _with_process(session: Session, number: str) -> str:
    """Return the name of a running job with its process; child processes are stopped with it."""
    job = session.call("job.get", id=number, fields=[*describe.NAMING, "process"])
    process = job.get("process") or {}
    left = ", ".join(f"{one['name']} {one['pid']}" for one in process.get("leftovers") or ())
    if not process.get("pid"):
        return describe.called(job)
    which = left or f"process {process['pid']} and all below it"
    return f"{describe.called(job)}, {which}"


def each(session: Session, parsed: Parsed) -> int:
    """Call the command's method for each of the jobs."""
    return each_job(session, parsed.many("job"), parsed.method)


def prio(session: Session, parsed: Parsed) -> int:
    job = session.call(
        "job.reprioritise", id=session.job_id(parsed.required("job")), priority=parsed.number("priority")
    )
    _print_status(session, job)
    return exits.DONE


def each_job(session: Session, references: list[str], method: str, **params: Any) -> int:
    """Apply one action to several jobs; a refusal is reported and does not affect the others."""
    code = exits.DONE
    for reference in references:
        try:
            job = session.call(method, id=session.job_id(reference), **params)
        except NotReachable:
            raise
        except LocksideError as error:
            if len(references) == 1:
                raise
            session.say_aside(f"{reference}: {error.message}")
            code = exits.FAILED
        else:
            _print_status(session, job)
    return code


def _print_status(session: Session, job: Json) -> None:
    out = session.out
    if out.as_json:
        out.json_line(job)
        return
    word, colour = describe.status(job)
    if out.plain:
        out.line(f"{job['id']}\t{word}")
        return
    detail = describe.detail(job)
    out.line(f"{describe.called(job)}: {out.paint(colour, word)}" + (f"  {detail}" if detail else ""))
