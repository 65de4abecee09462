"""The programs that a job will need, as far as its documents name them. Pure: it does not look for them."""

from collections.abc import Iterable, Mapping

from lockside.documents.component import COMMAND, STORAGE, Program
from locksided.backends.base import RequiredPrograms
from locksided.runs.environment import PLAIN_PATH
from locksided.runs.plan import program_of
from locksided.runs.specification import Specification

BARE_PATH = "/usr/bin:/bin"
"""The search path of the keeper for an environment without PATH."""
_OPEN = ("{datadir}", "{{")


def required_by_step(execution: Program, component: str) -> RequiredPrograms:
    """Return what a step needs that is about to start. Programs inside an image are not checked."""
    if execution.has_own_program:
        return RequiredPrograms((), PLAIN_PATH, None)
    names = (stage[0] for stage in execution.stages)
    return _required(names, execution.environment, execution.cwd, component)


def required_by_job(
    spec: Specification, environment: Mapping[str, str] | None
) -> list[RequiredPrograms] | None:
    """Return what all steps of a job need, from its specification; None if every row has its own program."""
    if spec.component == STORAGE:
        return []
    if spec.component != COMMAND:
        manifests = [] if spec.manifest is None else [spec.manifest]
        return [required_by_step(one, "") for one in (*manifests, *spec.processors.values())]
    if spec.rows is not None:
        return None
    program = program_of(spec.root)
    own = {**(environment or {}), **program.environment}
    return [_required((stage[0] for stage in program.stages), own, program.cwd, COMMAND)]


def _required(
    names: Iterable[str], environment: Mapping[str, str], cwd: str | None, component: str
) -> RequiredPrograms:
    """Return the required programs, without names that are filled in later."""
    is_bare = component == COMMAND and bool(environment)
    path = environment.get("PATH", BARE_PATH if is_bare else PLAIN_PATH)
    if cwd is not None and _is_open(cwd):
        return RequiredPrograms((), path, None)
    return RequiredPrograms(tuple(name for name in names if not _is_open(name)), path, cwd)


def _is_open(text: str) -> bool:
    return any(mark in text for mark in _OPEN)
