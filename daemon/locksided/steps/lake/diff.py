"""The operation `diff`: the rows in which two versions of a table differ. Files in both are not read."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import msgspec

from locksided.steps.lake import deltalog
from locksided.steps.lake.engine import connect, name, names, one, rows_of
from locksided.steps.lake.loading import Target, existing_rows, has_repeated
from locksided.steps.lake.preview import MOST_CHARACTERS
from locksided.steps.lake.text_values import as_text
from locksided.tables.orders import Column, TableOrder

Texts = list[str | None]


def diff(order: Mapping[str, Any]) -> dict[str, Any]:
    """Return counts and examples of the rows inserted, deleted and updated between two versions."""
    older, newer = msgspec.convert(order["tables"], list[TableOrder], strict=False)
    limit = order["limit"]
    with connect(order) as connection:
        columns, key = _relate(connection, order["root"], older, newer)
        join = _Join(columns, key)
        inserted = _rows(connection, join.only("newer", "older"), columns, limit)
        deleted = _rows(connection, join.only("older", "newer"), columns, limit)
        updated: tuple[int, list[Texts]] = (0, [])
        if join.key:
            updated = _rows(connection, join.changed(), join.pairs(), limit)
    half = len(columns)
    found = {"inserted": inserted, "deleted": deleted, "updated": updated}
    return {
        "message": "",
        "result": {
            "from_version": older.version,
            "to_version": newer.version,
            "columns": [{"name": column.name, "type": column.type} for column in columns],
            "counts": {what: count for what, (count, _) in found.items()},
            "inserted": inserted[1],
            "deleted": deleted[1],
            "updated": [{"before": row[:half], "after": row[half:]} for row in updated[1]],
            "is_truncated": any(count > len(rows) for count, rows in found.values()),
        },
    }


def _relate(
    connection: duckdb.DuckDBPyConnection, root: str, older: TableOrder, newer: TableOrder
) -> tuple[list[Column], list[str]]:
    """Create the views `older` and `newer` of the files that only one version has.

    Returns their columns, as strings where the types differ, and the key if it is unique in both versions.
    """
    folder = Path(root) / newer.folder
    before, after = deltalog.read_whole(folder, older), deltalog.read_whole(folder, newer)
    earlier = {column.name: column for column in before.columns()}
    columns = [
        column if earlier.pop(column.name, column) == column else Column(name=column.name)
        for column in after.columns()
    ]
    columns += earlier.values()
    key = after.primary_key() if after.primary_key() == before.primary_key() else []
    for view, files, others in (("older", before, after), ("newer", after, before)):
        target = Target(order=newer, folder=folder, files=files, columns=columns, key=[], time_us=0)
        paths = [str(folder / path) for path in files.adds if path not in others.adds]
        rows = existing_rows(connection, target, paths)
        connection.execute(
            f"CREATE VIEW {view} AS SELECT {names([column.name for column in columns])} FROM {rows}"
        )
        key = [] if key and has_repeated(connection, view, key) else key
    return columns, key


class _Join:
    """The queries that compare the two views, by the key if there is one."""

    def __init__(self, columns: Sequence[Column], key: Sequence[str]) -> None:
        self._columns = columns
        self.key = key

    def only(self, here: str, there: str) -> str:
        """Return the query for rows that only one view has."""
        if not self.key:
            return f"(FROM {here} EXCEPT ALL FROM {there})"
        return f"(SELECT * FROM {here} ANTI JOIN {there} USING ({names(self.key)}))"

    def changed(self) -> str:
        """Return the query for rows with the same key and other values: the older values, then the newer."""
        same = " AND ".join(f"a.{name(column)} = b.{name(column)}" for column in self.key)
        others = [one.name for one in self._columns if one.name not in self.key]
        differs = " OR ".join(f"a.{name(column)} IS DISTINCT FROM b.{name(column)}" for column in others)
        pairs = ", ".join(
            f"{side}.{name(one.name)} AS {name(side + one.name)}" for side in "ab" for one in self._columns
        )
        return f"(SELECT {pairs} FROM older a JOIN newer b ON {same} WHERE {differs or 'false'})"

    def pairs(self) -> list[Column]:
        """Return the columns of `changed`."""
        return [msgspec.structs.replace(one, name=side + one.name) for side in "ab" for one in self._columns]


def _rows(
    connection: duckdb.DuckDBPyConnection, relation: str, columns: Sequence[Column], limit: int
) -> tuple[int, list[Texts]]:
    """Return the number of rows, and the first of them as strings."""
    texts = ", ".join(f"left({as_text(column)}, {MOST_CHARACTERS})" for column in columns)
    count = one(connection, f"SELECT count(*) FROM {relation}")
    found = rows_of(connection, f"SELECT {texts} FROM {relation} LIMIT {limit}") if count else []
    return count, [list(row) for row in found]
