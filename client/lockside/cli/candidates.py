"""What could stand for a job, a configuration, a pool, a row: asked of the live daemon, ids with names."""

from __future__ import annotations

from lockside.cli import jobs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from lockside.cli.completion import Place
    from lockside.cli.session import Session

    Json = dict[str, Any]
    Candidates = list[tuple[str, str]]

_SOME = 50
_FIELDS = [*jobs.NAMING, "status", "type", "creator", "attempt", "parentRunId"]
_ONLY = {
    "kill": jobs.LIVE,
    "hold": jobs.NOT_STARTED,
    "release": jobs.NOT_STARTED,
    "prio": jobs.NOT_STARTED,
    "amend": jobs.NOT_STARTED,
    "why": jobs.NOT_STARTED,
    "pause": ("processing",),
    "resume": ("processing",),
    "wait": jobs.LIVE,
    "retry": ("error", "warning", "terminated", "cancelled"),
}
_LATEST_OF = {"show", "logs", "timeline", "why", "wait"}
_WORDS = {
    "STATUS": ("created", "waiting", "processing", "terminating", "success", "warning", "error", "cancelled"),
    "SHELL": ("bash", "zsh", "fish"),
    "PRIORITY": ("lowest", "low", "normal", "high", "highest"),
    "TIME": ("today", "yesterday", "1h", "24h"),
    "TYPE": ("extractor", "transformation", "writer", "application", "processor", "other"),
}


def of(session: Session, place: Place, metavar: str) -> Candidates:
    """Give the candidates for a metavar with what each means; raises LocksideError."""
    match metavar:
        case "JOB":
            return _jobs(session, place)
        case "COMPONENT/CONFIG":
            return _configs(session)
        case "COMPONENT":
            found = session.call("component.list", fields=["id", "name"])["components"]
            return [(str(each["id"]), str(each.get("name") or "")) for each in found]
        case "POOL":
            found = session.call("pool.list")["pools"]
            return [(str(each["id"]), str(each.get("description") or "")) for each in found]
        case "ROW" | "NAME=VALUE":
            return _of_config(session, place, metavar)
        case "TOPIC":
            from lockside.cli.help import topics

            return [(topic, "") for topic in topics()]
        case _:
            return [(word, "") for word in _WORDS.get(metavar, ())]


def _jobs(session: Session, place: Place) -> Candidates:
    """Give the ids of jobs for which the command makes sense, and names that mean their latest job."""
    name = place.command.name if place.command else ""
    status = list(_ONLY[name]) if name in _ONLY else None
    found = session.call("job.list", status=status, limit=_SOME, fields=_FIELDS)["jobs"]
    ids = [(str(job["id"]), f"{jobs.alone(job)}  {job['status']}") for job in found]
    if name not in _LATEST_OF:
        return ids
    configs = {f"{job['component']}/{job['config']}": "its latest job" for job in found if job.get("config")}
    return [*ids, *configs.items(), ("last", "the newest job")]


def _configs(session: Session) -> Candidates:
    found = session.call("config.list", fields=["component", "config", "name"])["configs"]
    return [(f"{each['component']}/{each['config']}", str(each.get("name") or "")) for each in found]


def _of_config(session: Session, place: Place, metavar: str) -> Candidates:
    """Give the rows, or the variables with their defaults, of the configuration that was typed before."""
    component, _, config = (place.arguments or [""])[0].partition("/")
    if not config:
        return []
    found = session.call("config.get", component=component, config=config)
    if metavar == "ROW":
        return [(str(row["id"]), str(row.get("name") or "")) for row in found.get("rows") or ()]
    variables = (found.get("configuration") or {}).get("variables") or {}
    return [(f"{name}=", f"{value} if not given") for name, value in variables.items()]
