"""Candidates for jobs, configurations, pools and rows from the daemon: ids with names."""

from __future__ import annotations

from lockside.cli.catalog.objects import about, listed
from lockside.cli.jobs import describe
from lockside.cli.session import Session
from lockside.kinds import CONFIG, KINDS, Kind

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lockside.cli.completion import CompletionPoint

Candidates = list[tuple[str, str]]

FINAL = ("success", "warning", "error", "cancelled", "terminated")
ORCHESTRATOR = "lockside.orchestrator"
_SOME = 50
_FIELDS = [*describe.NAMING, "status", "type", "creator", "attempt", "parentRunId"]
_ONLY = {
    "kill": describe.LIVE,
    "hold": describe.NOT_STARTED,
    "release": describe.NOT_STARTED,
    "prio": describe.NOT_STARTED,
    "amend": describe.NOT_STARTED,
    "why": describe.NOT_STARTED,
    "pause": ("processing",),
    "resume": ("processing",),
    "wait": describe.LIVE,
    "retry": ("error", "warning", "terminated", "cancelled"),
    "ack": ("error", "warning", "terminated", "cancelled"),
    "purge": FINAL,
}
_LATEST_OF = {"show", "logs", "timeline", "why", "wait"}
_WORDS = {
    "STATUS": ("created", "waiting", "processing", "terminating", "success", "warning", "error", "cancelled"),
    "SHELL": ("bash", "zsh", "fish"),
    "PRIORITY": ("lowest", "low", "normal", "high", "highest"),
    "TIME": ("today", "yesterday", "1h", "24h"),
    "TYPE": ("extractor", "transformation", "writer", "application", "processor", "other"),
}


def values_of(session: Session, place: CompletionPoint, metavar: str) -> Candidates:
    """Return the candidates for a metavar with descriptions; raises LocksideError."""
    match metavar:
        case "JOB":
            return _jobs(session, place)
        case "ROW" | "NAME=VALUE":
            return _of_config(session, place, metavar)
        case "ACTION":
            component = session.call("component.get", id=place.arguments[0].partition("/")[0])
            return [(name, "") for name in component["actions"]]
        case "ORCHESTRATION":
            found = session.call("config.list", component=ORCHESTRATOR, fields=["config", "name"])
            return [(str(each["config"]), about(CONFIG, each)) for each in found["configs"]]
        case "METHOD":
            from lockside.protocol.methods import METHODS

            return [(method.name, method.summary) for method in METHODS.values()]
        case "TOPIC":
            from lockside.cli.help import topics

            return [(topic, "") for topic in topics()]
        case _:
            kind = next((one for one in KINDS.values() if one.metavar == metavar), None)
            return _objects(session, kind) if kind else [(word, "") for word in _WORDS.get(metavar, ())]


def _jobs(session: Session, place: CompletionPoint) -> Candidates:
    """Return the ids of jobs to which the command applies, and names that mean their latest job."""
    name = place.command.name if place.command else ""
    status = list(_ONLY[name]) if name in _ONLY else None
    found = session.call("job.list", status=status, onlyRoots=True, limit=_SOME, fields=_FIELDS)["jobs"]
    ids = [(str(job["id"]), f"{describe.alone(job)}  {job['status']}") for job in found]
    if name not in _LATEST_OF:
        return ids
    configs = {f"{job['component']}/{job['config']}": "its latest job" for job in found if job.get("config")}
    return [*ids, *configs.items(), ("last", "the newest job")]


def _objects(session: Session, kind: Kind) -> Candidates:
    return [("/".join(kind.key_of(each)), about(kind, each)) for each in listed(session, kind)]


def _of_config(session: Session, place: CompletionPoint, metavar: str) -> Candidates:
    """Return the rows, or the variables with their defaults, of the configuration typed before."""
    component, _, config = (place.arguments or [""])[0].partition("/")
    if not config:
        return []
    found = session.call("config.get", component=component, config=config)
    if metavar == "ROW":
        return [(str(row["id"]), str(row.get("name") or "")) for row in found.get("rows") or ()]
    variables = (found.get("configuration") or {}).get("variables") or {}
    return [(f"{name}=", f"{value} if not given") for name, value in variables.items()]
