"""Describes a job in words: its name, its state, why it waits, how it ended. Pure: from dicts to text."""

from __future__ import annotations

from itertools import pairwise

from lockside.cli import times
from lockside.cli.session import Json
from lockside.cli.terminal.output import fit, one_line
from lockside.cli.terminal.sanitize import plain as clean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime

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
SYMBOLS = {
    "created": "·",
    "waiting": "○",
    "processing": "●",
    "terminating": "◐",
    "success": "✓",
    "warning": "!",
    "error": "✗",
    "cancelled": "-",
    "terminated": "■",
}
NOTABLE_WAIT_SECONDS = 0.5
_NOTABLE_PAUSE_SECONDS = 0.2
ANSWERED_WHOLE = 100
NAMING = ["id", "name", "component", "config", "configData"]
BRIEF = ["id", "runId", "type", "name", "component", "config", "status", "isFinished", "reasons", "starts"]
BRIEF += ["durationSeconds", "message", "result", "creator", "attempt", "parentRunId"]
CONTAINERS = {"container", "phaseContainer", "orchestrationContainer", "retryContainer"}
NOT_STARTED = ("created", "waiting")
RUNNING = ("processing", "terminating")
LIVE = (*NOT_STARTED, *RUNNING)
FAILED = ("error", "terminated")
OPEN_FAILURES = {"status": ["error"], "onlyRoots": True, "acknowledged": False, "unresolved": True}
"""The filters of `job.list` for open failures: not stopped, acknowledged or successfully retried."""
_LONGEST_CALL = 48
PLAIN_COMMAND = "lockside.command"
GOOD_ENDS = {"success", "warning"}
USUAL_MESSAGE = "Component processing finished."


def pools(job: Json) -> str:
    """Return the pools in which a job may run."""
    several = job.get("pools")
    return f"pools {', '.join(several)}" if several else f"pool {job.get('pool')}"


def title(job: Json) -> str:
    """Return a job's title: its name, its configuration, or its command."""
    component = str(job.get("component") or "")
    if job.get("name") not in {None, "", component}:
        return one_line(str(job["name"]))
    if component == PLAIN_COMMAND:
        return one_line(command_line(job)) or component
    return f"{component}/{job['config']}" if job.get("config") else component


def called(job: Json) -> str:
    """Return a job's title, shortened if long, and its id."""
    return f"{fit(title(job), _LONGEST_CALL)} (job {job['id']})"


def alone(job: Json) -> str:
    """Return a job's title for lists in which it is not below its parent."""
    if job.get("type") == "phaseContainer" and job.get("parentRunId"):
        return f"phase {title(job)} of {str(job['parentRunId']).rpartition('.')[2]}"
    named, name = part(job), title(job)
    creator = job.get("creator") or {}
    is_named = named == name or (
        creator.get("type") == "container" and name.endswith(f"#{creator.get('id')}")
    )
    return name if is_named else f"{name}, {named}"


def label(job: Json) -> str:
    """Return a short label of a job, for each of its log lines."""
    creator = job.get("creator") or {}
    if creator.get("type") == "retry":
        return f"{title(job)} #{int(job.get('attempt') or 0) + 1}"
    if creator.get("type") == "container" and creator.get("id"):
        return f"{job.get('config') or title(job)}#{creator['id']}"
    return title(job)


def part(job: Json) -> str:
    """Return a job's title as a part of its parent, such as a row or an attempt, else the usual title."""
    creator = job.get("creator") or {}
    if creator.get("type") == "retry":
        return f"attempt {int(job.get('attempt') or 0) + 1}"
    if job.get("type") == "phaseContainer":
        return f"phase {title(job)}"
    if job.get("chunk"):
        return f"chunk {job['chunk']['number']}"
    if creator.get("type") == "container" and creator.get("id"):
        is_part = title(job).endswith(f" {creator['id']}")  # a splitter or an assembler
        return str(creator["id"]) if is_part else f"row {creator['id']}"
    return title(job)


def command_line(job: Json) -> str:
    """Return the command of a plain command's job as typed in a shell."""
    from shlex import join

    parameters = ((job.get("configData") or {}).get("parameters")) or {}
    if parameters.get("shell"):
        return str(parameters["shell"])
    stages = parameters.get("pipeline") or ([parameters["command"]] if parameters.get("command") else [])
    if not stages and job.get("config"):
        return f"{job['component']}/{job['config']}"  # the command is in the stored configuration
    return " | ".join(join(stage) for stage in stages)


def status(job: Json) -> tuple[str, str]:
    """Return the status as a coloured cell."""
    word = str(job["status"])
    return word, COLOURS.get(word, "")


def detail(job: Json) -> str:
    """Return the most relevant fact in one line: why it waits, its progress, or how it ended."""
    if not job.get("isFinished"):
        reasons = job.get("reasons") or []
        if reasons:
            more = f" (+{len(reasons) - 1} more)" if len(reasons) > 1 else ""
            return one_line(str(reasons[0].get("message", reasons[0]["kind"]))) + more
        return progress(job)
    cause = ((job.get("result") or {}).get("error") or {}).get("cause")
    said = f"job {cause['job']}: {clean(cause['message'])}" if cause else told(job)
    return "" if said == USUAL_MESSAGE else said


def told(job: Json) -> str:
    """Return the most informative line about how a job ended."""
    result = job.get("result") or {}
    error = result.get("error") or {}
    said = job.get("message") or result.get("message") or error.get("message") or error.get("kind")
    return first_line(str(said or ""))


_COUNTED = {"success": "done", "error": "failed", "ignored": "ignored"}
"""The counts of records."""


def progress(job: Json) -> str:
    """Return the progress that a running job reports."""
    share = job.get("progress")
    counts = (job.get("result") or {}).get("counts") or {}
    told = ", ".join(f"{count:,} {_COUNTED[name]}" for name, count in counts.items() if count)
    parts = (
        "" if share is None else f"{share:.0%}",
        first_line(str(job.get("message") or "")),
        told and f"({told})",
    )
    return " ".join(part for part in parts if part)


def first_line(text: str) -> str:
    """Return the first line that is not empty."""
    return next((clean(line.strip()) for line in text.splitlines() if line.strip()), "")


def bar(share: float, width: int) -> str:
    """Draw a share from 0 to 1 as a bar of so many columns."""
    eighths = round(max(0.0, min(share, 1.0)) * width * 8)
    full, rest = divmod(eighths, 8)
    drawn = "█" * full + ("▏▎▍▌▋▊▉"[rest - 1] if rest else "")
    return drawn + "░" * (width - len(drawn))


def stages(job: Json) -> list[tuple[str, float]]:
    """Return the seconds that a job spent in each of its stages since it started."""
    entered = [(name, times.parsed(at)) for name, at in (job.get("stageTimestamps") or {}).items()]
    entered = [each for each in entered if each[0] not in {"accepted", "validated"}]
    ended = job.get("endTime")
    if ended and (not entered or entered[-1][0] != "done"):
        entered.append(("done", times.parsed(ended)))
    return [
        (name.replace("_", " "), (end - begin).total_seconds())
        for (name, begin), (_, end) in pairwise(entered)
    ]


def stage_line(job: Json) -> str:
    """Return how long each part of a job took: waiting, if notable, then its stages. A plain command has no
    data folder, so it has no preparation and no output mapping.
    """
    waited = float(job.get("queueSeconds") or 0)
    worked = stages(job)
    if job.get("component") == PLAIN_COMMAND:
        has_leftovers = "leftovers" in (job.get("stageTimestamps") or {})
        worked = [stage for stage in worked if has_leftovers and stage[0] in {"running", "leftovers"}]
    parts = [*([("waited", waited)] if waited >= NOTABLE_WAIT_SECONDS else []), *worked]
    stood_still = _idle_seconds(job)
    if stood_still >= _NOTABLE_PAUSE_SECONDS:
        parts.append(("paused or being stopped" if job["status"] == "terminated" else "paused", stood_still))
    return " · ".join(f"{name} {times.span(seconds)}" for name, seconds in parts)


def _idle_seconds(job: Json) -> float:
    """Return the time that is in a job's stages but not in its duration; 0 if it was requeued."""
    begun, ended, ran = job.get("startTime"), job.get("endTime"), job.get("durationSeconds")
    if not begun or not ended or ran is None or job.get("starts") != 1:
        return 0.0
    return (times.parsed(ended) - times.parsed(begun)).total_seconds() - float(ran)


def exit_code_of(job: Json) -> int | None:
    """Return the exit code of a job's last process, or None if it has none."""
    error = (job.get("result") or {}).get("error") or {}
    code = error.get("exitCode")
    return code if code is not None else (job.get("process") or {}).get("exitCode")


def took(job: Json, now: datetime) -> str:
    """Return how long a job ran, or has been running."""
    if not job.get("startTime"):
        return ""
    if job.get("durationSeconds") is not None:
        return times.span(float(job["durationSeconds"]))
    return times.span((now - times.parsed(job["startTime"])).total_seconds())


def running(job: Json, now: datetime) -> str:
    """Return a sentence about the state of a running job."""
    if job.get("stage") == "leftovers" and job.get("message"):
        return f"Its program {job['message']}."
    return f"It has run for {took(job, now)}."


def ending(job: Json) -> str:
    """Return one sentence about how a job ended."""
    word = str(job["status"])
    seconds = job.get("durationSeconds")
    after = f" after {times.span(float(seconds))}" if seconds and job.get("starts") else ""
    error = (job.get("result") or {}).get("error") or {}
    said = told(job) if error.get("message") else ""
    match word:
        case "success":
            return f"success{after}"
        case "cancelled":
            return "cancelled before any process of it was started" + (f": {said}" if said else "")
        case "error" if error.get("kind") in {None, "exit"} or job.get("type") in CONTAINERS:
            coded = f", exit code {code}" if (code := exit_code_of(job)) is not None else ""
            coded = "" if coded[2:] and said.startswith(coded[2:]) else coded
            return f"error{after}{coded}" + (f": {said}" if said else "")
        case "error":
            return f"error ({error['kind']}){after}" + (f": {said}" if said else "")
        case _:
            return f"{word}{after}" + (f": {said}" if said else "")
