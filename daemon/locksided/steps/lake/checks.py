"""Checks of a staged table that is not visible yet, against its content and the previous content."""

from collections.abc import Mapping, Sequence
from typing import Any

import duckdb

from lockside.documents.storage import Check
from locksided.steps.lake.deltalog import Files
from locksided.steps.lake.engine import name, names, one, rows_of
from locksided.steps.lake.loading import Target, existing_rows
from locksided.steps.program import UserFault
from locksided.tables.names import clean_column


def judged(
    connection: duckdb.DuckDBPyConnection, target: Target, checks: Sequence[Check]
) -> list[dict[str, Any]]:
    """Return the result of each check. Raises UserFault if a failed one is an error."""
    if not checks:
        return []
    after = Files(dict(target.files.adds))
    after.take(target.actions)
    this = existing_rows(connection, target, after.paths(target.folder))
    previous = existing_rows(connection, target)
    found = []
    for check in checks:
        try:
            fault = _fault(connection, target, check, {"this": this, "previous": previous})
        except duckdb.Error as problem:
            raise UserFault(f'Check "{_title(check)}" failed: {str(problem).splitlines()[0]}') from None
        text = f'Check "{_title(check)}" failed: {fault}.' if fault else None
        if text is not None and check.on_fail == "error":
            raise UserFault(text)
        found.append({"kind": check.kind, "status": "warning" if text else "success", "message": text})
    return found


def _title(check: Check) -> str:
    if check.columns:
        return f"{check.kind}({','.join(check.columns)})"
    return check.kind if check.value is None else f"{check.kind}({check.value:g})"


def _fault(
    connection: duckdb.DuckDBPyConnection, target: Target, check: Check, relations: Mapping[str, str]
) -> str:
    """Return the failure as text; empty if there is none."""
    after, before = target.counts["rowsCount"], target.order.rows_count
    value = check.value or 0
    match check.kind:
        case "minRows":
            return f"it has {after} rows" if after < value else ""
        case "maxRows":
            return f"it has {after} rows" if after > value else ""
        case "maxShrink":
            return (
                f"of {before} rows {after} are left" if before and (before - after) / before > value else ""
            )
        case "notNull":
            empty = " OR ".join(f"{name(clean_column(column))} IS NULL" for column in check.columns)
            number = one(connection, f"SELECT count(*) FROM {relations['this']} WHERE {empty}")
            return f"{number} rows are empty there" if number else ""
        case "unique":
            key = names([clean_column(column) for column in check.columns])
            repeated = f"SELECT 1 FROM {relations['this']} GROUP BY {key} HAVING count(*) > 1"
            number = one(connection, f"SELECT count(*) FROM ({repeated})")
            return f"{number} keys occur more than once" if number else ""
        case _:
            return _found_by_query(connection, check.query or "", relations)


def _found_by_query(connection: duckdb.DuckDBPyConnection, query: str, relations: Mapping[str, str]) -> str:
    for view, relation in relations.items():
        connection.execute(f"CREATE OR REPLACE TEMP VIEW {view} AS SELECT * FROM {relation}")
    found = rows_of(connection, query)
    return f"its query returned {len(found)} rows, the first is {found[0]}" if found else ""
