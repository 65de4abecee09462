"""`table put|import|export`: tables by hand. Files are read and written by jobs of the caller."""

from __future__ import annotations

import os

from lockside.cli.grammar import Parsed, UsageError
from lockside.cli.session import Json, Session
from lockside.cli.storage.tables import finish


def put(session: Session, parsed: Parsed) -> int:
    """Create an empty table, or change the texts of an existing one."""
    table: Json = {
        "id": parsed.required("table"),
        "columns": [_column(text) for text in parsed.many("column")],
        "primaryKey": parsed.many("key"),
        "description": parsed.text("description"),
    }
    found = session.call("storage.table.put", table=table, branchId=parsed.text("branch"))
    return session.out.result(found, f"{found['id']}: {found['rowsCount']} rows, version {found['version']}")


def _column(text: str) -> Json:
    """Parse a column from NAME, NAME:TYPE or NAME:NUMERIC(10,2)."""
    name, _, kind = text.partition(":")
    base, _, length = kind.removesuffix(")").partition("(")
    return {"name": name, "type": base.upper() or "STRING", "length": length or None}


def import_(session: Session, parsed: Parsed) -> int:
    """Load a file into a table."""
    job = session.call("storage.table.import", **parsed.members(), path=whole_path(parsed))
    return finish(session, parsed, job)


def export(session: Session, parsed: Parsed) -> int:
    """Write a table to a file."""
    asked = parsed.members() | _filter(parsed.many("where"))
    if parsed.flag("parquet"):
        asked["format"] = "parquet"
    return finish(session, parsed, session.call("storage.table.export", **asked, path=whole_path(parsed)))


def _filter(given: list[str]) -> Json:
    """Return the filter for repeated COLUMN=VALUE."""
    if not given:
        return {}
    pairs = [text.partition("=") for text in given]
    if any(not sign for _, sign, _ in pairs) or len({column for column, _, _ in pairs}) > 1:
        raise UsageError("--where is COLUMN=VALUE, always with the same column.", "table export")
    return {"whereColumn": pairs[0][0], "whereValues": [value for _, _, value in pairs]}


def whole_path(parsed: Parsed) -> str:
    """Return the path for the job, which runs in another folder: absolute, or unchanged in a system."""
    if parsed.text("system") is not None:
        return parsed.required("path")
    return os.path.abspath(os.path.expanduser(parsed.required("path")))
