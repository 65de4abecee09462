"""DuckDB as a step uses it: in this process, within its memory, without extensions from elsewhere."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

SHARE_OF_MEMORY = 0.7
ROW_GROUP = 122_880
ROW_GROUPS_IN_A_FILE = 8
"""Together less than a million rows."""


def connect(order: Mapping[str, Any]) -> duckdb.DuckDBPyConnection:
    """An empty database that spills into the step's `tmp`."""
    engine = order.get("engine") or {}
    config: dict[str, Any] = {
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "allow_unsigned_extensions": False,
        "threads": engine.get("threads") or len(os.sched_getaffinity(0)),
        "temp_directory": str(Path(order["folders"]["tmp"]) / "duckdb"),
    }
    if engine.get("memory_bytes"):
        config["memory_limit"] = f"{int(engine['memory_bytes'] * SHARE_OF_MEMORY)}B"
    connection = duckdb.connect(":memory:", config=config)
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET enable_progress_bar = false")
    return connection


def rows_of(
    connection: duckdb.DuckDBPyConnection, query: str, values: Sequence[Any] = ()
) -> list[tuple[Any, ...]]:
    """What a query returns."""
    return connection.execute(query, list(values)).fetchall()


def one(connection: duckdb.DuckDBPyConnection, query: str, values: Sequence[Any] = ()) -> Any:
    """The one value that a query returns."""
    ((value,),) = rows_of(connection, query, values)
    return value


def name(text: str) -> str:
    """An identifier in SQL."""
    return '"' + text.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text in SQL."""
    return "'" + text.replace("'", "''") + "'"


def names(columns: Sequence[str]) -> str:
    """A list of identifiers."""
    return ", ".join(map(name, columns))
