"""Jobs, events and changes for tests of the store; a test states only what differs."""

import re
import sqlite3
from collections.abc import Callable
from typing import Any, TypeVar

from locksided.core.saves import AppendEvent, InsertJob, UpdateJob
from locksided.store import Applied, Operation, Saves, Store, Transaction
from locksided.store.catalog.keys import Change

T = TypeVar("T")

NOW = 1_700_000_000_000_000
ANN = {"uid": 1000, "user": "ann"}
BOB = {"uid": 1001, "user": "bob"}


def new(job_id: int, **values: Any) -> InsertJob:
    """Return a job that has just been accepted."""
    defaults = {"run_id": str(job_id), "line_order": job_id, "created_us": NOW + job_id, "status": "created"}
    return InsertJob(job_id, {**defaults, **values})


def started(job_id: int, **changes: Any) -> UpdateJob:
    return UpdateJob(job_id, {"status": "processing", "start_us": NOW, **changes})


def ended(job_id: int, status: str = "success", **changes: Any) -> UpdateJob:
    return UpdateJob(job_id, {"status": status, "end_us": NOW, **changes})


def emit(kind: str = "job.created", job_id: int | None = None, **values: Any) -> AppendEvent:
    run_id = values.pop("run_id", None if job_id is None else str(job_id))
    return AppendEvent(values.pop("time_us", NOW), kind, "default", job_id, run_id, **values)


def change(time_us: int = NOW, by: dict[str, Any] = ANN, description: str | None = None) -> Change:
    return Change(time_us, by, description)


async def save(store: Store, *saves: Any) -> Applied:
    return await store.apply([Saves(saves)])


async def do(store: Store, work: Callable[[Transaction], Any]) -> Any:
    """Run one operation and return its result, or raise the error that undid it."""
    (result,) = (await store.apply([Operation(work)])).results
    if isinstance(result, Exception):
        raise result
    return result


async def on_writer(store: Store, work: Callable[[sqlite3.Connection], T]) -> T:
    """Run work for which the store has no method on its writing connection."""
    return await store._writer.run(work)


def nothing(statement: str) -> dict[str, None] | list[None]:
    """Return null for every parameter of a statement, named or positional."""
    names = dict.fromkeys(re.findall(r":(\w+)", statement))
    return names or [None] * statement.count("?")
