"""Rows of CSV files that cannot be read, and the lines at which rows begin.

DuckDB reports the byte at which an unreadable row begins, but does not count line breaks within fields.
"""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, NamedTuple

import duckdb

from locksided.steps.lake.engine import name, rows_of
from locksided.steps.lake.reading import Reading, opened

MOST_TEXT = 65_536
_FAULTS = """
    SELECT file_path, line_byte_position,
      any_value(column_name), any_value(error_message), any_value(csv_line)
    FROM {0} JOIN {1} USING (scan_id, file_id)
    GROUP BY scan_id, file_id, file_path, line_byte_position
    ORDER BY scan_id, file_id, line_byte_position LIMIT {2}
"""


class Unread(NamedTuple):
    """Why a row cannot be read, and its text."""

    column: str | None
    cause: str
    text: str


AllUnread = Mapping[tuple[str, int], Unread]
"""By file and first byte (from 1) of the row."""


class Line(NamedTuple):
    """The line at which a row begins, the row's number among the readable ones, or why it is unreadable."""

    number: int | None
    text: str
    record: int
    unread: Unread | None = None


def unread_of(connection: duckdb.DuckDBPyConnection, reading: Reading, rejects: str, most: int) -> AllUnread:
    """Return at most `most` rows that were left out when the lenient relation of `rejects` was read."""
    found: dict[tuple[str, int], Unread] = {}
    for part in range(reading.parts):
        table, scan = name(f"{rejects}_{part}"), name(f"{rejects}_{part}_scan")
        for path, start, column, cause, text in rows_of(connection, _FAULTS.format(table, scan, most)):
            sentence = cause.partition("\n")[0].rstrip(".") + "."
            found[path, start] = Unread(column, sentence, text)
    return found


def lines_of(reading: Reading, wanted: Collection[int], unread: AllUnread) -> Iterator[Line]:
    """Yield the lines of the given records (from 1, over all files), and the unreadable rows."""
    record, missing = 0, len(wanted) + len(unread)
    for path in reading.files if missing else ():
        with opened(path) as file:
            for start, number, row in _rows(file, path, reading, unread):
                fault = unread.get((str(path), start))
                record += fault is None
                if fault is not None or record in wanted:
                    missing -= 1
                    text = row.decode(errors="replace").strip("\r\n")[:MOST_TEXT]
                    yield Line(number, text, record, fault)
                if not missing:
                    return


def _rows(
    file: BinaryIO, path: Path, reading: Reading, unread: AllUnread
) -> Iterator[tuple[int, int, bytes]]:
    """Yield the first byte, the first line and the text of each row after the header."""
    number, start, mark = 0, 1, reading.enclosure.encode()
    for line in file:
        number += 1
        first, row, fault = number, [line], unread.get((str(path), start))
        if fault is not None:
            row += [next(file, b"") for _ in range(fault.text.rstrip("\n").count("\n"))]
            first += len(fault.text) - len(fault.text.lstrip("\n"))
        elif mark:
            marks = line.count(mark)
            while marks % 2 and (more := next(file, b"")):
                row.append(more)
                marks += more.count(mark)
        text = b"".join(row)
        if (start > 1 or not reading.has_header) and (fault is not None or text.strip(b"\r\n")):
            yield start, first, text
        number, start = number + len(row) - 1, start + len(text)
