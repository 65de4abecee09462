"""Stored objects and requests that the tests of runs use."""

from typing import Any, TypeVar

from msgspec import ValidationError

from lockside.documents.component import Manifest
from lockside.documents.configuration import ConfigSpec
from lockside.documents.reading import convert, fault_of
from lockside.documents.request import JobRequest
from lockside.documents.runtime import Runtime
from lockside.documents.variables import VariablesSpec
from locksided.backends.messages import converted
from locksided.core.errors import Invalid
from locksided.keeper.messages import Outcome, User
from locksided.runs.environment import JobContext
from locksided.runs.folder import RunFolder, work_path
from locksided.runs.plan import Step, plan
from locksided.runs.resolve import resolve
from locksided.runs.resolved import Defaults, Found, Resolved, Stored
from locksided.runs.runtime_values import Level

T = TypeVar("T")

DEFAULTS = Defaults(pools={"default": 4, "night": 2, "small": 1}, resources={"gpu": 2, "api.crm": None})


def read(kind: type[T], document: Any, path: str = "$") -> T:
    """Read a document as callers send it. Raises `Invalid`."""
    try:
        return convert(document, kind)
    except ValidationError as problem:
        fault = fault_of(problem, document, kind)
        raise Invalid(fault.message, path=path + fault.path.removeprefix("$")) from None


def component(**fields: Any) -> Stored[Manifest]:
    """A stored component `ex.table` with a plain command."""
    body = {"id": "ex.table", "command": ["run", "--data={datadir}"], **fields}
    return Stored("ex.table", 3, read(Manifest, body, "$.component"))


def named(component_id: str, **fields: Any) -> Stored[Manifest]:
    """A stored component with another id."""
    return Stored(component_id, 1, read(Manifest, {"id": component_id, **fields}))


def config(
    rows: list[dict[str, Any]] | None = None,
    *,
    disabled: bool = False,
    of: str = "ex.table",
    **root: Any,
) -> Stored[ConfigSpec]:
    """A stored configuration `flights`; the other keywords become members of `configuration`."""
    body = {"name": "Flights", "isDisabled": disabled, "configuration": root, "rows": rows or []}
    return Stored("flights", 7, read(ConfigSpec, {"component": of, "config": "flights", **body}))


def row(row_id: str, *, disabled: bool = False, **root: Any) -> dict[str, Any]:
    return {"id": row_id, "isDisabled": disabled, "configuration": root}


def resolved(
    request: dict[str, Any] | None = None,
    *,
    of: Stored[Manifest] | None = None,
    stored: Stored[ConfigSpec] | None = None,
    variables: dict[str, Any] | None = None,
    processors: dict[str, Stored[Manifest]] | None = None,
    defaults: Defaults = DEFAULTS,
    orchestration: dict[str, Any] | None = None,
    inherited: dict[str, str] | None = None,
) -> Resolved:
    """A resolved request; it names the component, and the configuration when one is stored."""
    values = {"component": "ex.table", **({} if stored is None else {"config": stored.id}), **(request or {})}
    found = Found(
        component=of or component(),
        config=stored,
        variables=None if variables is None else Stored("vars", 1, read(VariablesSpec, variables)),
        processors=processors or {},
    )
    above = ()
    if orchestration is not None:
        above = (Level(read(Runtime, orchestration), "$.orchestration"),)
    return resolve(read(JobRequest, values), found, defaults, above=above, inherited=inherited or {})


def command(**parameters: Any) -> Resolved:
    return resolved({"component": "lockside.command", "configData": {"parameters": parameters}})


def steps(result: Resolved) -> tuple[Step, ...]:
    return plan(result.spec, result.environment)


def context(state_dir: object, *, run_as: User | None = None, job_id: int = 12) -> JobContext:
    return JobContext(
        job_id=job_id,
        run_id=f"10.{job_id}",
        launch=1,
        project="default",
        folder=RunFolder(work_path(str(state_dir), job_id)),
        socket="/run/lockside.sock",
        home="/home/ada",
        run_as=run_as,
    )


def outcome(**fields: Any) -> Outcome:
    """What the keeper reports of a successful run; `fields` have the names of the wire."""
    said = {
        "token": "12-1-0",
        "pid": 4711,
        "exits": [{"exitCode": 0, "signal": None}],
        "exitCode": 0,
        "signal": None,
        "spawnTime": 1_700_000_000_000_000,
        "exitTime": 1_700_000_002_500_000,
        "userSeconds": 1.5,
        "systemSeconds": 0.25,
        "maxRssBytes": 9_000_000,
        "usageSource": "processes",
        "stopped": None,
        "outOfMemory": False,
        "lost": False,
        "refused": None,
        "killReport": None,
        "leftovers": [],
        "stdoutTail": "",
        "stderrTail": "",
        "progress": {},
        "keptFolders": [],
        "log": {"nextSeq": 0, "bytes": 0, "droppedBytes": 0},
        **fields,
    }
    return converted(Outcome, said)
