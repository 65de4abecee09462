"""How sources are read: CSV with or without a header, sliced or whole, gzipped or not, or Parquet."""

import csv
import gzip
import io
import uuid
import zlib
from codecs import BOM_UTF8
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import BinaryIO, cast

import duckdb
from msgspec import structs

from lockside.documents.storage import OutputTable
from locksided.steps.lake.engine import file_list, literal, name, rows_of
from locksided.steps.lake.sources import Found
from locksided.steps.program import MappingFault, UserFault, say
from locksided.tables.names import TIMESTAMP, clean_column

MAX_FIELD_BYTES = 16 * 2**20
_MAX_LINE_BYTES = 2 * MAX_FIELD_BYTES
_NO_TEXT = "\x01\x02lockside\x03"
"""Occurs in no file: an empty field is an empty string, never NULL."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A source as a relation with the stored names of its columns.

    `kinds` has the types of a Parquet file's columns; columns of CSV files are strings. For a CSV file,
    `lenient` returns a relation of the readable rows, given the prefix for the names of the tables that list
    the others: one for each of the `parts`.
    """

    columns: tuple[str, ...]
    relation: str
    kinds: Mapping[str, str] = field(default_factory=dict)
    files: Sequence[Path] = ()
    enclosure: str = ""
    has_header: bool = False
    lenient: Callable[[str], str] | None = None
    parts: int = 0


def reading_of(
    connection: duckdb.DuckDBPyConnection, found: Found, mapping: OutputTable, scratch: Path
) -> Reading:
    """Return how a source is read; copies are written to the folder `scratch`.

    Raises UserFault if it cannot be read at all.
    """
    files = found.files()
    if files and all(_begins(path, b"PAR1") for path in files):
        return _parquet(connection, found.name, files)
    named = [*mapping.columns, *(str(column.get("name")) for column in mapping.schema)]
    if named and not (mapping.schema and mapping.has_header and not found.is_sliced):
        return _csv(found.name, named, files, mapping, scratch, has_header=False)
    if found.is_sliced:
        raise MappingFault(f'Sliced file "{found.name}" columns specification missing.')
    header = _header(found, mapping)
    if named and [clean_column(one) for one in header] != [clean_column(one) for one in named]:
        fault = f"{','.join(header)}, its schema is {','.join(named)}"
        raise UserFault(f'Header of "{found.name}" is {fault}.')
    return _csv(found.name, header, files, mapping, scratch, has_header=True)


def unreadable(source: str, fault: Exception) -> UserFault:
    """Return the error for a source that cannot be read at all."""
    return UserFault(f'"{source}" cannot be read: {str(fault).splitlines()[0].rstrip(".")}.')


def _parquet(connection: duckdb.DuckDBPyConnection, source: str, files: Sequence[Path]) -> Reading:
    relation = f"read_parquet({file_list(files)}, union_by_name=true)"
    try:
        described = rows_of(connection, f"DESCRIBE SELECT * FROM {relation}")
        _refuse_different_slices(connection, source, files)
    except duckdb.Error as fault:
        raise unreadable(source, fault) from None
    columns = [str(row[0]) for row in described]
    cleaned = _cleaned(source, columns)
    kept = [
        f"{'to_json(' + name(old) + ')::VARCHAR' if _is_nested(str(row[1])) else name(old)} AS {name(new)}"
        for old, new, row in zip(columns, cleaned, described, strict=True)
    ]
    kinds = {new: str(row[1]) for new, row in zip(cleaned, described, strict=True)}
    return Reading(tuple(cleaned), f"(SELECT {', '.join(kept)} FROM {relation})", kinds)


def _refuse_different_slices(
    connection: duckdb.DuckDBPyConnection, source: str, files: Sequence[Path]
) -> None:
    """Raise UserFault if a slice lacks a column that another has."""
    first: set[str] | None = None
    for path in files if len(files) > 1 else ():
        described = rows_of(connection, f"DESCRIBE SELECT * FROM read_parquet({file_list([path])})")
        columns = {str(row[0]).lower() for row in described}
        first = columns if first is None else first
        if columns != first:
            listed = ", ".join(f'"{column}"' for column in sorted(columns ^ first))
            raise UserFault(f'Not all slices of "{source}" have the columns {listed}: "{path.name}" differs.')


def _is_nested(kind: str) -> bool:
    return kind.endswith("]") or kind.startswith(("STRUCT", "MAP", "UNION", "JSON"))


def _csv(
    source: str,
    columns: Sequence[str],
    files: Sequence[Path],
    mapping: OutputTable,
    scratch: Path,
    *,
    has_header: bool,
) -> Reading:
    cleaned = _cleaned(source, columns)
    filled = [path for path in files if path.lstat().st_size]
    for path in filled:
        _refuse_broken_gzip(source, path)
    if len(cleaned) == 1 and any(map(_has_empty_lines, filled)):
        filled = [_without_empty_lines(path, mapping.enclosure.encode(), scratch) for path in filled]
        mapping = structs.replace(mapping, enclosure=mapping.enclosure or '"')
    groups = [
        (list(group), is_gzip)
        for is_gzip, group in groupby(filled, key=lambda path: _begins(path, b"\x1f\x8b"))
    ]

    def relation(rejects: str | None) -> str:
        parts = [
            _read_csv(
                cleaned,
                group,
                mapping,
                {
                    "skip": str(int(has_header)),
                    "compression": literal("gzip" if is_gzip else "none"),
                    **({} if rejects is None else _rejecting(f"{rejects}_{place}")),
                },
            )
            for place, (group, is_gzip) in enumerate(groups)
        ]
        if not parts:
            empty = ", ".join(f"NULL::VARCHAR AS {name(one)}" for one in cleaned)
            parts = [f"(SELECT {empty} WHERE false)"]
        return parts[0] if len(parts) == 1 else f"({' UNION ALL '.join(f'FROM {part}' for part in parts)})"

    return Reading(
        tuple(cleaned),
        relation(None),
        files=filled,
        enclosure=mapping.enclosure,
        has_header=has_header,
        lenient=relation,
        parts=len(groups),
    )


def _rejecting(rejects: str) -> dict[str, str]:
    """Return the options to skip unreadable rows and list them in a table."""
    return {
        "store_rejects": "true",
        "rejects_table": literal(rejects),
        "rejects_scan": literal(f"{rejects}_scan"),
    }


def _read_csv(
    columns: Sequence[str], files: Sequence[Path], mapping: OutputTable, more: Mapping[str, str]
) -> str:
    types = ", ".join(f"{literal(column)}: 'VARCHAR'" for column in columns)
    options = {
        "auto_detect": "false",
        "header": "false",
        "columns": f"{{{types}}}",
        "delim": literal(mapping.delimiter),
        "quote": literal(mapping.enclosure),
        "escape": literal(mapping.enclosure),
        "nullstr": literal(_NO_TEXT),
        "max_line_size": str(_MAX_LINE_BYTES),
        "buffer_size": str(_MAX_LINE_BYTES),  # the default is 16 times that, whatever the memory limit
        "strict_mode": "true",
        **more,
    }
    return f"read_csv({file_list(files)}, {', '.join(f'{key}={value}' for key, value in options.items())})"


def _cleaned(source: str, columns: Sequence[str]) -> list[str]:
    """Return the stored names of the columns. Raises UserFault for duplicates."""
    seen: set[str] = set()
    cleaned = []
    for column in columns:
        stored = clean_column(column)
        if stored != column:
            say(f'Column name "{column}" was webalized to "{stored}"')
        if not stored:
            raise UserFault(f'Column "{column}" in "{source}" has no usable name.')
        if stored.lower() == TIMESTAMP:
            text = f'System columns "{TIMESTAMP}" cannot be imported to the table.'
            raise MappingFault(f"Failed to process mapping for table {source}: {text}")
        if stored.lower() in seen:
            raise UserFault(f'Duplicate column "{stored}" in "{source}".')
        seen.add(stored.lower())
        cleaned.append(stored)
    return cleaned


def _records(file: BinaryIO, mapping: OutputTable) -> Iterator[list[str]]:
    """Return the records of a file; bytes that are not UTF-8 become surrogates."""
    csv.field_size_limit(MAX_FIELD_BYTES)
    text = io.TextIOWrapper(file, "utf-8-sig", "surrogateescape", newline="")
    enclosed = {"quotechar": mapping.enclosure} if mapping.enclosure else {"quoting": csv.QUOTE_NONE}
    return csv.reader(text, delimiter=mapping.delimiter, **enclosed)


def _has_empty_lines(path: Path) -> bool:
    before = b"\n"
    with _opened_after_bom(path) as file:
        while piece := file.read(2**20):
            if b"\n\n" in before + piece or b"\n\r\n" in before + piece:
                return True
            before = piece[-2:]
    return False


def _without_empty_lines(path: Path, enclosure: bytes, scratch: Path) -> Path:
    """Return a copy of a file with one column in which empty fields are enclosed.

    An empty line is a record with an empty field, which DuckDB would skip. Without an enclosure, all fields
    are enclosed.
    """
    copy = scratch / f"{uuid.uuid4()}.csv"
    with _opened_after_bom(path) as file, copy.open("wb") as made:
        is_inside = False
        for line in file:
            text = line.rstrip(b"\r\n")
            if not enclosure:
                line = b'"' + text.replace(b'"', b'""') + b'"' + line[len(text) :]  # noqa: PLW2901
            elif is_inside or text.lstrip(b" ").startswith(enclosure):
                is_inside ^= line.count(enclosure) % 2 == 1
            elif not text:
                line = 2 * enclosure + line  # noqa: PLW2901
            made.write(line)
    return copy


def _refuse_broken_gzip(source: str, path: Path) -> None:
    """Raise UserFault if a gzipped file is damaged: DuckDB does not compare its checksum."""
    try:
        with opened(path) as file:
            while isinstance(file, gzip.GzipFile) and file.read(2**20):
                pass
    except (OSError, EOFError, zlib.error) as fault:
        raise unreadable(source, fault) from None


def _begins(path: Path, mark: bytes) -> bool:
    with path.open("rb") as file:
        return file.read(len(mark)) == mark


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Open a file, decompressed if it is gzipped."""
    with path.open("rb") as raw:
        yield cast("BinaryIO", gzip.GzipFile(fileobj=raw)) if _begins(path, b"\x1f\x8b") else raw


@contextmanager
def _opened_after_bom(path: Path) -> Iterator[BinaryIO]:
    with opened(path) as file:
        if file.read(len(BOM_UTF8)) != BOM_UTF8:
            file.seek(0)
        yield file


def _header(found: Found, mapping: OutputTable) -> list[str]:
    """Return the first record of a file. Raises UserFault if there is none."""
    with opened(found.path) as file:
        try:
            header = next(_records(file, mapping), None)
        except csv.Error as fault:
            raise UserFault(f'"{found.name}" line 1: {fault}.') from None
        except (OSError, EOFError, zlib.error) as fault:
            raise unreadable(found.name, fault) from None
    if not header:
        raise UserFault(f'File "{found.name}" is empty, a header is expected.')
    if any("\udc80" <= character <= "\udcff" for column in header for character in column):
        raise UserFault(f'"{found.name}" line 1: it is not UTF-8.')
    return header
