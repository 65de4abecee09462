"""`run`: builds a request from the options, creates the job, and waits for it or follows it."""

from __future__ import annotations

import os
from contextlib import suppress

from lockside.cli import exits
from lockside.cli.grammar import Parsed, UsageError
from lockside.cli.jobs import describe
from lockside.cli.session import Json, Session
from lockside.documents.sentences import ended
from lockside.errors import LocksideError
from lockside.transport import new_deduplication_id

_TOLD_ONE_BY_ONE = 20
_NAMED = [*describe.NAMING, "status", "type", "creator", "attempt", "parentRunId"]
_VALUES = "$.variableValuesData."

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def run(session: Session, parsed: Parsed) -> int:
    if parsed.text("from_file"):
        from lockside.cli.jobs.run_file import run_file

        return run_file(session, parsed)
    request = request_of(parsed)
    if parsed.text("template"):
        type_values(session, request)
    name_jobs(session, request)
    other = _existing_job(session, parsed, request)
    if other is not None:
        session.out.line(f"skipped: {describe.called(other)} {describe.status(other)[0]}")
        return exits.DONE
    if request.get("variableValuesData"):
        _refuse_unused_values(session, request)
    return show_created(session, parsed, [create(session, request)])


def _refuse_unused_values(session: Session, request: Json) -> None:
    """Raise UsageError for a value that would not be used: its name is probably misspelt."""
    would_be = session.call("job.create", **{**request, "dryRun": True, "fields": []})
    unused = [one for one in would_be.get("warnings") or () if one.startswith(_VALUES)]
    if unused:
        raise UsageError(ended("; ".join(one.partition(": ")[2] for one in unused)), "run")


def name_jobs(session: Session, request: Json) -> None:
    """Replace references to jobs by their ids."""
    for dependency in request.get("dependsOn", ()):
        dependency["job"] = session.job_id(dependency["job"])
    if "previousJobId" in request:
        request["previousJobId"] = session.job_id(request["previousJobId"])


def _existing_job(session: Session, parsed: Parsed, request: Json) -> Json | None:
    """Return a job that prevents this one, with the same configuration or the same name, or None."""
    statuses = [
        *(describe.RUNNING if parsed.flag("skip_if_running") else ()),
        *(describe.NOT_STARTED if parsed.flag("skip_if_waiting") else ()),
    ]
    if not statuses:
        return None
    names = ("component", "config", "branchId") if "config" in request else ("name",)
    filters = {name: request[name] for name in names if name in request}
    if not filters:
        raise UsageError("--skip-if-running and --skip-if-waiting need --name for a command.", "run")
    found = session.call("job.list", **filters, status=statuses, limit=1, fields=_NAMED)["jobs"]
    return found[0] if found else None


def type_values(session: Session, request: Json) -> None:
    """Convert the texts of --set to the types in the template; texts that cannot be converted stay."""
    name, _, version = request["template"].partition("@")
    which = {"version": int(version)} if version.isdigit() else {}
    types = {one["name"]: one["type"] for one in session.call("template.get", id=name, **which)["values"]}
    for one in request.get("variableValuesData", {}).get("values", ()):
        one["value"] = _typed(one["value"], types.get(one["name"]))


def _typed(text: str, kind: str | None) -> Any:
    if kind == "boolean" and text in {"true", "false"}:
        return text == "true"
    if kind == "number":
        for read in (int, float):
            with suppress(ValueError):
                return read(text)
    return text


def create(session: Session, request: Json) -> Json:
    """Create a job exactly once, even if the daemon or the connection fails meanwhile."""
    request.setdefault("deduplicationId", new_deduplication_id())
    job: Json = session.call_patiently("job.create", **request)
    return job


def request_of(parsed: Parsed) -> Json:
    """Build the request from the options; raises UsageError."""
    target, command, shell = (
        parsed.text("component_config"),
        parsed.values.get("command"),
        parsed.text("shell"),
    )
    template = parsed.text("template")
    job_names = [each for each in (target, command, shell, template) if each]
    if len(job_names) != 1:
        reason = "say what to run" if not job_names else "say one thing to run"
        raise UsageError(
            f"{reason}: COMPONENT/CONFIG, or -- COMMAND, or --shell LINE, or --template NAME.", "run"
        )
    if template:
        request = {"template": template}
    else:
        request = _stored(target) if target else plain_command(parsed, command, shell)
    return request | parsed.members() | dry_run(parsed)


def _stored(target: str) -> Json:
    component, slash, config = target.partition("/")
    if not component or (slash and not config):
        raise UsageError(f"'{target}' is not COMPONENT/CONFIG.", "run")
    return {"component": component, "config": config} if config else {"component": component}


def plain_command(
    parsed: Parsed, command: list[str] | None, shell: str | None, environment: dict[str, str] | None = None
) -> Json:
    """Return a request that runs a command as the caller would: in this folder, environment and umask."""
    parameters: Json = {"command": command} if command else {"shell": shell}
    if parsed.text("shell_program"):
        from shlex import split

        parameters["shellProgram"] = split(str(parsed.text("shell_program")))
    parameters["cwd"] = os.path.abspath(parsed.text("cwd") or os.getcwd())
    parameters["umask"] = f"{_umask():03o}"
    parameters["environment"] = own_environment() if environment is None else environment
    return {"component": describe.PLAIN_COMMAND, "configData": {"parameters": parameters}}


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def own_environment() -> dict[str, str]:
    """Return the caller's variables, without those of the enclosing job; warns of invalid UTF-8."""
    given = {name: value for name, value in os.environ.items() if not name.startswith("LOCKSIDE_")}
    if "LC_CTYPE" in given and not _was_given(b"LC_CTYPE"):  # Python sets it itself in the C locale.
        del given["LC_CTYPE"]
    odd = sorted(name for name, value in given.items() if not _is_text(name + value))
    if odd:
        from lockside.cli.terminal.output import say_aside

        job_names = ", ".join(ascii(name)[1:-1] for name in odd)
        say_aside(f"lockside: warning: not UTF-8, so the job does not get them: {job_names}")
    return {name: value for name, value in given.items() if name not in odd}


def _was_given(name: bytes) -> bool:
    """Return whether a variable was set when this process started."""
    try:
        with open("/proc/self/environ", "rb") as file:
            return any(each.startswith(name + b"=") for each in file.read().split(b"\0"))
    except OSError:
        return True


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def dry_run(parsed: Parsed) -> Json:
    """Return the parameter for a dry run, if requested."""
    return {"dryRun": True} if parsed.flag("dry_run") else {}


def show_created(session: Session, parsed: Parsed, created: list[Json]) -> int:
    """Print what was created, and wait or follow if requested; on a dry run print what would be created."""
    for job in created:
        for warning in job.get("warnings") or ():
            session.say_aside(f"warning: {warning}")
    if parsed.flag("dry_run"):
        for job in created:
            _show_dry_run(session, job)
        return 0
    try:
        code = _wait_or_follow(session, parsed, created)
        session.out.flush()
    except (OSError, LocksideError):
        if created:
            from lockside.cli.jobs.wait import job_names

            session.say_aside(f"created: {job_names([str(job['id']) for job in created])}.")
        raise
    return code


def _wait_or_follow(session: Session, parsed: Parsed, created: list[Json]) -> int:
    if parsed.flag("follow") and created:
        from lockside.cli.jobs.follow import follow_to_the_end

        return follow_to_the_end(session, created)
    if parsed.flag("wait") and created:
        from lockside.cli.jobs.wait import wait_to_the_end

        return wait_to_the_end(session, created)
    _announce(session, created, parsed.flag("detach"))
    return 0


def _announce(session: Session, created: list[Json], only_ids: bool) -> None:
    if session.out.as_json:
        session.out.json(created[0] if len(created) == 1 else {"jobs": created})
    elif only_ids or session.out.plain:
        for job in created:
            session.out.line(str(job["id"]))
    elif len(created) > _TOLD_ONE_BY_ONE:
        _print_summary(session, created)
    else:
        for job in created:
            _print_created(session, job)


def _print_summary(session: Session, created: list[Json]) -> None:
    """Print a summary of many jobs for people."""
    first, last = created[0]["id"], created[-1]["id"]
    waiting = sum(job["status"] in describe.NOT_STARTED for job in created)
    session.out.line(
        f"{len(created)} jobs, {first} to {last}: {len(created) - waiting} started, {waiting} wait"
    )
    session.out.hint("  next: lockside top · lockside ls --watch --active")


def _print_created(session: Session, job: Json) -> None:
    """Print the created job and the next step for people."""
    word, colour = describe.status(job)
    again = " (it had been created before)" if job.get("deduplicated") else ""
    session.out.line(f"{describe.called(job)}: {session.out.paint(colour, word)}{again}")
    detail = describe.detail(job)
    if detail:
        session.out.line(f"  {detail}")
    step = "why" if word in describe.NOT_STARTED and detail else "logs -f"
    session.out.hint(f"  next: lockside {step} {job['id']}")


def _show_dry_run(session: Session, job: Json) -> None:
    if session.out.is_given(job):
        return
    limits = job.get("limits") or {}
    session.out.line(f"would create: {describe.title(job)}")
    session.out.line(f"  type {job.get('type')}, pool {job.get('pool')}, lock {job.get('lockKey') or 'none'}")
    session.out.line(f"  time limit {limits.get('timeoutSeconds') or 'none'}, priority {job.get('priority')}")
