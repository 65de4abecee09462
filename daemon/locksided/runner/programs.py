"""Which programs a job will need, as far as its documents say it. Pure: nobody looks for them here."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lockside.documents.component import COMMAND, Program
from locksided.runner.environment import PLAIN_PATH
from locksided.runner.plan import program_of
from locksided.runner.specification import Specification

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


def wanted_at_start(execution: Program, component: str) -> Wanted:
    """What a step needs that is about to start."""
    names = (stage[0] for stage in execution.stages)
    return _wanted(names, execution.environment, execution.cwd, component)


def wanted_by(spec: Specification, environment: Mapping[str, str] | None) -> list[Wanted] | None:
    """What all steps of a job need, read from its specification; None when every row has its own program."""
    if spec.component != COMMAND:
        manifests = [] if spec.manifest is None else [spec.manifest]
        return [wanted_at_start(one, "") for one in (*manifests, *spec.processors.values())]
    if spec.rows is not None:
        return None
    program = program_of(spec.root)
    own = {**(environment or {}), **program.environment}
    return [_wanted((stage[0] for stage in program.stages), own, program.cwd, COMMAND)]


def _wanted(names: Iterable[str], environment: Mapping[str, str], cwd: str | None, component: str) -> Wanted:
    """What is filled in later is left out."""
    is_bare = component == COMMAND and bool(environment)
    path = environment.get("PATH", BARE_PATH if is_bare else PLAIN_PATH)
    if cwd is not None and _is_open(cwd):
        return Wanted((), path, None)
    return Wanted(tuple(name for name in names if not _is_open(name)), path, cwd)


def _is_open(text: str) -> bool:
    return any(mark in text for mark in _OPEN)
