"""Finds the job, component or configuration that a word refers to, and suggestions for misspelt ones."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from shutil import which

from lockside.cli.session import Json, Session
from lockside.errors import InvalidParams, LocksideError, NotFound

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_FIELDS = ["id", "name", "type", "creator", "relation", "component", "config"]
_PART_OF_ANOTHER = {"container", "retry"}
_SOME = 100
_NAMES = ["component", "config"]


def config_names(session: Session) -> list[str]:
    """Return the names of all configurations, as COMPONENT/CONFIG."""
    found = session.call("config.list", fields=_NAMES)["configs"]
    return [f"{each['component']}/{each['config']}" for each in found]


def job_named(session: Session, reference: str) -> str:
    """Find a job by uuid or `last`, else the latest of COMPONENT/CONFIG, component, name or configuration."""
    if _UUID.fullmatch(reference):
        return reference
    for wanted in _searches(reference):
        with suppress(InvalidParams):  # A name may be invalid as a component's id.
            found = session.call("job.list", **wanted, limit=_SOME, fields=_FIELDS)["jobs"]
            for job in found:
                if _is_top_level(job, reference):
                    return str(job["id"])
    near = ""
    with suppress(LocksideError):  # The suggestion is optional; the error is raised in any case.
        near = _nearest_job(session, reference)
    did_you_mean = f"Did you mean '{near}'? " if near else ""
    raise NotFound(f"There is no job '{reference}'.", remedy=did_you_mean + "`lockside ls` lists the jobs.")


def _searches(reference: str) -> list[Json]:
    if reference == "last":
        return [{}, {"creator": "user"}]
    component, slash, config = reference.partition("/")
    if slash:
        return [{"component": component, "config": config}, {"name": reference}]
    return [{"component": component}, {"name": reference}, {"config": reference}]


def _is_top_level(job: Json, reference: str) -> bool:
    """Return False for jobs that are part of another: phases, rows, attempts; for `last` also tasks."""
    if job.get("relation") != "strong":
        return True
    creator = (job.get("creator") or {}).get("type")
    return reference != "last" and job.get("type") != "phaseContainer" and creator not in _PART_OF_ANOTHER


def _nearest_job(session: Session, reference: str) -> str:
    found = session.call("job.list", limit=_SOME, fields=_FIELDS)["jobs"]
    known = {f"{job['component']}/{job['config']}" for job in found if job.get("config")}
    known |= {str(job["name"]) for job in found if job.get("name")}
    known |= set(config_names(session))
    return nearest(reference, sorted(known))


def nearest(word: str, known: Sequence[str]) -> str:
    """Return the known word that is most similar to this one, or an empty text."""
    from difflib import get_close_matches

    return next(iter(get_close_matches(word, known, n=1, cutoff=0.6)), "")


def with_suggestion(
    session: Session, error: LocksideError, component: str, config: str | None
) -> LocksideError:
    """Add the most similar name, and how to list others, to an error about a component or configuration."""
    is_complete = isinstance(error, InvalidParams) and "`lockside " in error.message
    if not (error.remedy or is_complete) and isinstance(error, NotFound | InvalidParams):
        with suppress(LocksideError):  # The error itself is reported in any case.
            error.remedy = _remedy(session, error, component, config)
    return error


def _remedy(session: Session, error: LocksideError, component: str, config: str | None) -> str:
    configs = config_names(session)
    if isinstance(error, InvalidParams):
        own = [name for name in configs if name.startswith(component + "/")]
        return f"It has configurations: {', '.join(own[:5])}." if config is None and own else ""
    known = configs
    if config is None:
        known = [
            *configs,
            *(str(each["id"]) for each in session.call("component.list", fields=["id"])["components"]),
        ]
    target = f"{component}/{config}" if config else component
    if target in known:
        return ""
    near = nearest(target, known)
    if not near and config is None and which(component):
        return f"To run the program of that name: lockside run -- {component}"
    if not known:
        return "Nothing is stored yet: `lockside apply DIR` stores a folder of files."
    lists = "`lockside config ls` and `lockside component ls` list them."
    lists = "" if "`lockside " in error.message else lists
    return f"Did you mean '{near}'? {lists}".rstrip() if near else lists
