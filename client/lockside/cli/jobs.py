"""A job in words: what it is called, how it is, why it waits, how it ended. Pure: dicts in, text out."""

from __future__ import annotations

from lockside.cli import times

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any

    Json = dict[str, Any]

COLOURS = {
    "created": "dim",
    "waiting": "yellow",
    "processing": "cyan",
    "terminating": "magenta",
    "success": "green",
    "warning": "yellow",
    "error": "red",
    "cancelled": "dim",
    "terminated": "magenta",
}
PLAIN_COMMAND = "lockside.command"
GOOD_ENDS = {"success", "warning"}
_USUAL = "Component processing finished."


def title(job: Json) -> str:
    """Call a job what people call it: its name, its configuration, or its command."""
    component = str(job.get("component") or "")
    if job.get("name") not in {None, "", component}:
        return str(job["name"])
    if component == PLAIN_COMMAND:
        return command_line(job) or component
    return f"{component}/{job['config']}" if job.get("config") else component


def command_line(job: Json) -> str:
    """Give the command of a plain command's job as one would type it."""
    from shlex import join

    parameters = ((job.get("configData") or {}).get("parameters")) or {}
    if parameters.get("shell"):
        return str(parameters["shell"])
    stages = parameters.get("pipeline") or ([parameters["command"]] if parameters.get("command") else [])
    return " | ".join(join(stage) for stage in stages)


def status(job: Json) -> tuple[str, str]:
    """Give the status as a coloured cell."""
    word = str(job["status"])
    return word, COLOURS.get(word, "")


def detail(job: Json) -> str:
    """Say in one line what matters now: why it waits, how far it is, or how it ended."""
    if not job.get("isFinished"):
        reasons = job.get("reasons") or []
        if reasons:
            more = f" (+{len(reasons) - 1} more)" if len(reasons) > 1 else ""
            return str(reasons[0].get("message", reasons[0]["kind"])) + more
        return progress(job)
    error = (job.get("result") or {}).get("error")
    if error:
        return first_line(str(error.get("message") or error.get("kind") or ""))
    said = first_line(str((job.get("result") or {}).get("message") or job.get("message") or ""))
    return "" if said == _USUAL else said


def progress(job: Json) -> str:
    """Say how far a running job is, as it says itself."""
    share = job.get("progress")
    message = first_line(str(job.get("message") or ""))
    if share is None:
        return message
    return f"{share:4.0%} {message}".rstrip()


def first_line(text: str) -> str:
    """Give the first line that says anything."""
    return next((line.strip() for line in text.splitlines() if line.strip()), "")


def took(job: Json, now: datetime) -> str:
    """Say how long it ran, or has been running."""
    if not job.get("startTime"):
        return ""
    if job.get("durationSeconds") is not None:
        return times.span(float(job["durationSeconds"]))
    return times.span((now - times.parsed(job["startTime"])).total_seconds())


def ending(job: Json) -> str:
    """Say in one sentence how a job ended."""
    word = str(job["status"])
    seconds = job.get("durationSeconds")
    after = f" after {times.span(float(seconds))}" if seconds and job.get("starts") else ""
    process = job.get("process") or {}
    error = (job.get("result") or {}).get("error") or {}
    said = first_line(str(error.get("message") or ""))
    match word:
        case "success":
            return f"success{after}"
        case "cancelled":
            return "cancelled; no process of it was ever started" + (f": {said}" if said else "")
        case "error" if error.get("kind") in {None, "exit"}:
            code = error.get("exitCode", process.get("exitCode"))
            return f"error{after}, exit code {code}" + (f": {said}" if said else "")
        case "error":
            return f"error ({error['kind']}){after}" + (f": {said}" if said else "")
        case _:
            return f"{word}{after}" + (f": {said}" if said else "")
