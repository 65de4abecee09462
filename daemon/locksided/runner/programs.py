"""Which programs a job will need, as far as its documents say it. Pure: nobody looks for them here."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from locksided.runner.builtin import COMMAND
from locksided.runner.environment import PLAIN_PATH
from locksided.runner.manifest import Execution
from locksided.runner.specification import root_of

BARE_PATH = "/usr/bin:/bin"
"""Where the keeper looks when an environment has no PATH."""
_OPEN = ("{datadir}", "{{")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Programs by their names, where they are looked for, and the folder that they start in.

    `cwd` None is an empty folder of the step's own.
    """

    names: tuple[str, ...]
    path: str
    cwd: str | None


def wanted_at_start(execution: Execution, component: str) -> Wanted:
    """What a step needs that is about to start."""
    names = (stage[0] for stage in execution.program.stages)
    return _wanted(names, execution.environment, execution.cwd, component)


def wanted_by(spec: Mapping[str, Any], environment: Mapping[str, str] | None) -> list[Wanted] | None:
    """What all steps of a job need, read from its specification; None when every row has its own program."""
    if spec["component"] != COMMAND:
        manifests = [spec["manifest"], *spec["processors"].values()]
        return [_of(one, one.get("environment") or {}, "") for one in manifests]
    if spec["rows"] is not None:
        return None
    parameters = root_of(spec).get("parameters") or {}
    return [_of(parameters, {**(environment or {}), **(parameters.get("environment") or {})}, COMMAND)]


def _of(document: Mapping[str, Any], environment: Mapping[str, str], component: str) -> Wanted:
    return _wanted(_names(document), environment, document.get("cwd"), component)


def _names(document: Mapping[str, Any]) -> Iterator[str]:
    if document.get("shell") is not None:
        yield "/bin/sh"
    stages = document.get("pipeline") or ([document["command"]] if document.get("command") else [])
    yield from (stage[0] for stage in stages)


def _wanted(names: Iterable[str], environment: Mapping[str, str], cwd: str | None, component: str) -> Wanted:
    """What is filled in later is left out."""
    is_bare = component == COMMAND and bool(environment)
    path = environment.get("PATH", BARE_PATH if is_bare else PLAIN_PATH)
    if cwd is not None and _is_open(cwd):
        return Wanted((), path, None)
    return Wanted(tuple(name for name in names if not _is_open(name)), path, cwd)


def _is_open(text: str) -> bool:
    return any(mark in text for mark in _OPEN)
