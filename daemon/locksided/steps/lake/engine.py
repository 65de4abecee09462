"""DuckDB in a step: in this process, within its memory, without external extensions."""

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

SHARE_OF_MEMORY = 0.7
ROW_GROUP = 122_880
ROW_GROUPS_IN_A_FILE = 8
"""Together less than a million rows."""


def connect(order: Mapping[str, Any]) -> duckdb.DuckDBPyConnection:
    """Open an empty database that spills into the step's `tmp`."""
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
    """Return the rows of a query."""
    return connection.execute(query, list(values)).fetchall()


def one(connection: duckdb.DuckDBPyConnection, query: str, values: Sequence[Any] = ()) -> Any:
    """Return the single value of a query."""
    ((value,),) = rows_of(connection, query, values)
    return value


def name(text: str) -> str:
    """Return a quoted SQL identifier."""
    return '"' + text.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return an SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def file_list(paths: Iterable[Path | str]) -> str:
    """Return the first arguments of a reader for exactly these files.

    Without them, DuckDB expands wildcards in names, and takes `x=1` in a path for the value of a column.
    """
    listed = ", ".join(literal(re.sub(r"([*?[])", r"[\1]", str(path))) for path in paths)
    return f"[{listed}], hive_partitioning=false"


def names(columns: Sequence[str]) -> str:
    """Return a list of quoted identifiers."""
    return ", ".join(map(name, columns))
