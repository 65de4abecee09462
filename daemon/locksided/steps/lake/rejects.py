"""Rows that a load rejects because they cannot be read or have a value of another type."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb

from lockside.documents.storage import OutputTable
from locksided.runs.failed_records import NAME
from locksided.steps.lake.bad_lines import AllUnread, Line, Unread, lines_of, unread_of
from locksided.steps.lake.incoming import Misfit, Rows, misfits
from locksided.steps.lake.loading import Target
from locksided.steps.program import UserFault

Record = dict[str, Any]


def without_bad_rows(
    connection: duckdb.DuckDBPyConnection,
    target: Target,
    rows: Sequence[Rows],
    mappings: Sequence[OutputTable],
) -> tuple[list[Rows], list[Record]]:
    """Return the sources without the rows that may be rejected, and these as failed records.

    Raises UserFault if a source has more of them than allowed.
    """
    kept: list[Rows] = []
    records: list[Record] = []
    for place, (source, mapping) in enumerate(zip(rows, mappings, strict=True)):
        found: list[Record] = []
        if mapping.on_bad_rows == "reject":
            source, found = _split(connection, target, source, mapping.max_bad_rows, place)  # noqa: PLW2901
        kept.append(source)
        records += found
    return kept, records


def _split(
    connection: duckdb.DuckDBPyConnection, target: Target, source: Rows, most: int, place: int
) -> tuple[Rows, list[Record]]:
    """Return a source without its bad rows, and these. Raises UserFault if there are more than `most`."""
    table, rejects = (f"{what}_{target.order.serial}_{place}" for what in ("raw", "rejects"))
    reading = source.reading
    relation = reading.relation if reading.lenient is None else reading.lenient(rejects)
    connection.execute(f"CREATE TEMP TABLE {table} AS SELECT * FROM {relation}")
    raw = replace(source, reading=replace(reading, relation=table, lenient=None))
    found = {one.record: one for one in misfits(connection, target.columns, raw, most + 1)}
    unread = unread_of(connection, reading, rejects, most + 1)
    records = list(_records(target.order.id, source, found, unread))
    if len(records) > most:
        text = f"More than {most} rows cannot be loaded (max_bad_rows)"
        raise UserFault(f"{text}. The first: {records[0]['message']}")
    if found:
        numbered = f"SELECT *, row_number() OVER () AS _place FROM {table}"
        gone = ", ".join(map(str, found))
        kept = f"(SELECT * EXCLUDE (_place) FROM ({numbered}) WHERE _place NOT IN ({gone}))"
        raw = replace(raw, reading=replace(raw.reading, relation=kept))
    return raw, records


def _records(table: str, rows: Rows, found: Mapping[int, Misfit], unread: AllUnread) -> Iterator[Record]:
    """Yield bad rows as failed records, in the order of their lines; rows of Parquet files have no line."""
    if rows.reading.lenient is None:
        for one in found.values():
            yield _record(table, rows.source, f"record {one.record}", Line(None, "", one.record), one)
    for line in lines_of(rows.reading, found, unread):
        bad = found[line.record] if line.unread is None else line.unread
        yield _record(table, rows.source, f"line {line.number}", line, bad)


def _record(table: str, source: str, place: str, line: Line, bad: Misfit | Unread) -> Record:
    column = f', column "{bad.column}"' if isinstance(bad, Misfit) else ""
    return {
        "input": None,
        "record": {
            "table": table,
            "source": source,
            "line": line.number,
            "column": bad.column,
            "value": bad.value if isinstance(bad, Misfit) else None,
            "text": line.text,
        },
        "id": None,
        "message": f'"{source}" {place}{column}: {bad.cause.rstrip(".")}.',
        "code": "rejected",
    }


def keep(records: Sequence[Mapping[str, Any]], row_folder: Path) -> int:
    """Append records to the row's list of failed records; return its size."""
    folder = row_folder / "artifacts" / "out"
    folder.mkdir(parents=True, exist_ok=True)
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(folder / NAME, flags, 0o666), "a+b") as file:
        size = file.tell()
        if size and os.pread(file.fileno(), 1, size - 1) != b"\n":
            file.write(b"\n")  # the component did not end its last line
        file.writelines(json.dumps(record, ensure_ascii=False).encode() + b"\n" for record in records)
        file.flush()
        os.fsync(file.fileno())
        return file.tell()
