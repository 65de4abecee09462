"""`table put|drop|import|export|clone`: tables by hand. Jobs of the caller's read and write files."""

from __future__ import annotations

import os

from lockside.cli.grammar import Parsed, UsageError
from lockside.cli.session import Json, Session
from lockside.cli.storage.tables import finish


def put(session: Session, parsed: Parsed) -> int:
    """Make an empty table, or change the texts of one."""
    table: Json = {
        "id": parsed.required("table"),
        "columns": [_column(text) for text in parsed.many("column")],
        "primaryKey": parsed.many("key"),
        "description": parsed.text("description"),
    }
    found = session.call("storage.table.put", table=table, branchId=parsed.text("branch"))
    return session.out.result(found, f"{found['id']}: {found['rowsCount']} rows, version {found['version']}")


def drop(session: Session, parsed: Parsed) -> int:
    """Put a table into the trash."""
    table, branch = parsed.required("table"), parsed.text("branch")
    found = session.call("storage.table.delete", id=table, branchId=branch)
    return session.out.result(found, f"{found['id']} is in the trash")


def _column(text: str) -> Json:
    """A column from NAME, NAME:TYPE or NAME:NUMERIC(10,2)."""
    name, _, kind = text.partition(":")
    base, _, length = kind.removesuffix(")").partition("(")
    return {"name": name, "type": base.upper() or "STRING", "length": length or None}


def import_(session: Session, parsed: Parsed) -> int:
    """Load a file into a table."""
    job = session.call(
        "storage.table.import",
        id=parsed.required("table"),
        path=_whole(parsed),
        branchId=parsed.text("branch"),
        incremental=parsed.flag("incremental") or None,
        primaryKey=parsed.many("key") or None,
        columns=parsed.many("column") or None,
        delimiter=parsed.text("delimiter"),
    )
    return finish(session, parsed, job)


def export(session: Session, parsed: Parsed) -> int:
    """Write a table to a file."""
    column, values = None, parsed.many("where")
    if values:
        column, values = _filter(values)
    job = session.call(
        "storage.table.export",
        id=parsed.required("table"),
        path=_whole(parsed),
        branchId=parsed.text("branch"),
        version=parsed.values.get("version"),
        format="parquet" if parsed.flag("parquet") else None,
        overwrite=parsed.flag("overwrite") or None,
        columns=parsed.many("column") or None,
        whereColumn=column,
        whereValues=values or None,
        changedSince=parsed.text("changed_since"),
        limit=parsed.values.get("limit"),
    )
    return finish(session, parsed, job)


def _filter(given: list[str]) -> tuple[str, list[str]]:
    """The column and the values of COLUMN=VALUE, which is given for each value."""
    pairs = [text.partition("=") for text in given]
    if any(not sign for _, sign, _ in pairs) or len({column for column, _, _ in pairs}) > 1:
        raise UsageError("--where is COLUMN=VALUE, always with the same column.", "table export")
    return pairs[0][0], [value for _, _, value in pairs]


def clone(session: Session, parsed: Parsed) -> int:
    """Make a table with the content of another."""
    job = session.call(
        "storage.table.clone",
        id=parsed.required("table"),
        toId=parsed.text("to"),
        branchId=parsed.text("branch"),
        toBranchId=parsed.text("to_branch"),
        version=parsed.values.get("version"),
    )
    return finish(session, parsed, job)


def _whole(parsed: Parsed) -> str:
    """The path as the job is to find it, whose folder is another one."""
    return os.path.abspath(os.path.expanduser(parsed.required("path")))
