"""Stored objects and requests as the runner's tests use them."""

from typing import Any

from locksided.runner.environment import JobContext, RunAs
from locksided.runner.fields import Fields
from locksided.runner.folder import RunFolder, work_path
from locksided.runner.plan import Step, plan
from locksided.runner.resolve import resolve
from locksided.runner.resolved import Defaults, Found, Resolved, Stored

DEFAULTS = Defaults(pools={"default", "night", "small"})


def component(**fields: Any) -> Stored:
    """A stored component `ex.table` with a plain command."""
    return Stored("ex.table", 3, {"id": "ex.table", "command": ["run", "--data={datadir}"], **fields})


def config(rows: list[dict[str, Any]] | None = None, *, disabled: bool = False, **root: Any) -> Stored:
    """A stored configuration `flights`; the keywords stand under `configuration`."""
    body = {"name": "Flights", "isDisabled": disabled, "configuration": root, "rows": rows or []}
    return Stored("flights", 7, body)


def row(row_id: str, *, disabled: bool = False, **root: Any) -> dict[str, Any]:
    return {"id": row_id, "isDisabled": disabled, "configuration": root}


def resolved(
    request: dict[str, Any] | None = None,
    *,
    of: Stored | None = None,
    stored: Stored | None = None,
    variables: dict[str, Any] | None = None,
    processors: dict[str, Stored] | None = None,
    defaults: Defaults = DEFAULTS,
    orchestration: dict[str, Any] | None = None,
) -> Resolved:
    """A request resolved; it names the component, and the configuration when one is stored."""
    values = {"component": "ex.table", **({} if stored is None else {"config": stored.id}), **(request or {})}
    found = Found(
        component=of or component(),
        config=stored,
        variables=None if variables is None else Stored("vars", 1, variables),
        processors=processors or {},
    )
    above = () if orchestration is None else (Fields(orchestration, "$.orchestration"),)
    return resolve(values, found, defaults, above=above)


def command(**parameters: Any) -> Resolved:
    return resolved({"component": "lockside.command", "configData": {"parameters": parameters}})


def steps(result: Resolved) -> tuple[Step, ...]:
    return plan(result.spec, result.environment)


def context(state_dir: object, *, run_as: RunAs | None = None, job_id: int = 12) -> JobContext:
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


def outcome(**fields: Any) -> dict[str, Any]:
    """What the keeper reports of a run that ended well."""
    return {
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
