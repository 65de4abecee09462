"""The named statements of queries.sql, and the other .sql files as texts. It executes none of them."""

import re
import sqlite3
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import TypeAlias

from locksided.core.loading import ChildRecord, ConditionRecord, JobRecord
from locksided.histograms import JOB_BOUNDS
from locksided.store.notification_rows import DeliveryRow
from locksided.store.record_rows import RECORD_COLUMNS
from locksided.store.rows import EventRow, JobRow, PoolRow, RunRow, columns_of
from locksided.store.table_rows import FileRow, TableRow, TableVersionRow
from locksided.store.time_rows import CauseRow, FiringRow, MadeJob, MomentRow, ScheduleRow, TriggerRow
from locksided.store.token_rows import TokenRow

Database: TypeAlias = sqlite3.Connection
"""The connection that this package's functions read from; others only pass it on."""

_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)
_COLUMNS = {
    "job_columns": columns_of(JobRow),
    "live_columns": columns_of(JobRecord),
    "run_columns": columns_of(RunRow),
    "event_columns": columns_of(EventRow),
    "child_columns": columns_of(ChildRecord),
    "condition_columns": columns_of(ConditionRecord),
    "pool_columns": columns_of(PoolRow),
    "schedule_columns": columns_of(ScheduleRow),
    "moment_columns": columns_of(MomentRow),
    "trigger_columns": columns_of(TriggerRow),
    "cause_columns": columns_of(CauseRow),
    "firing_columns": columns_of(FiringRow),
    "made_columns": columns_of(MadeJob),
    "table_columns": columns_of(TableRow),
    "version_columns": columns_of(TableVersionRow),
    "file_columns": columns_of(FileRow),
    "delivery_columns": columns_of(DeliveryRow),
    "token_columns": columns_of(TokenRow),
    "record_columns": RECORD_COLUMNS,
    "ending_columns": (
        *("project", "branch_id", "ifnull(component, '')", "ifnull(config, '')", "ifnull(pool, '')"),
        *("status", "count(*)", "max(end_us)", "duration_us", "sum(duration_us)"),
        "ifnull(sum(start_us - created_us), 0)",
        *(f"sum(duration_us <= {bound * 1_000_000})" for bound in JOB_BOUNDS),
        "count(*)",
        *(f"ifnull(sum(start_us - created_us <= {bound * 1_000_000}), 0)" for bound in JOB_BOUNDS),
        "count(start_us)",
    ),
}


def text(name: str) -> str:
    """Return the content of a file in this package."""
    return (resources.files("locksided.store") / name).read_text("utf-8")


@cache
def schema() -> str:
    """Return the current schema."""
    return text("schema.sql")


@cache
def migrations() -> tuple[str, ...]:
    """Return the steps from an empty database to the schema, in order; the first is number 1."""
    folder = resources.files("locksided.store") / "migrations"
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    assert names == [f"{n:04}.sql" for n in range(1, len(names) + 1)], names
    return tuple(text(f"migrations/{name}") for name in names)


def _named(source: str) -> dict[str, str]:
    """Split a file at its `-- name:` lines; `{x_columns}` becomes the columns of that record."""
    columns = {key: ", ".join(fields) for key, fields in _COLUMNS.items()}
    _, *parts = _NAME.split(source)
    found = {}
    for name, body in zip(parts[::2], parts[1::2], strict=True):
        assert name not in found, name
        found[name] = _without_comments(body).format_map(columns)
    return found


def _without_comments(body: str) -> str:
    """Strip comments and the final semicolon, so that a statement's text is stable and short."""
    lines = (line.partition("--")[0].rstrip() for line in body.splitlines())
    return "\n".join(line for line in lines if line).rstrip(";")


QUERIES = MappingProxyType(_named(text("queries.sql")))
