"""`python -I -m locksided.steps.records records FOLDER`: give a retry the failed records to process again.

Their source files have only those records, and all of them are in in/files/failed_records.jsonl. Tables of
the input mapping are written by the step that reads tables.
"""

import csv
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from locksided.runs.failed_records import NAME, records_at
from locksided.steps.program import UserFault, run, say

_PLAIN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NEEDS_QUOTES = frozenset(',"\r\n')


def given(order: Mapping[str, Any]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the records with their numbers, replaced where requested. Raises UserFault if one is missing."""
    for path, found in groupby(order["runs"], itemgetter("path")):
        runs = list(found)
        numbers = chain.from_iterable(range(one["number"], one["number"] + one["count"]) for one in runs)
        left = sum(one["count"] for one in runs)
        try:
            file = os.fdopen(os.open(path, _PLAIN), "rb")
        except OSError as problem:
            raise UserFault(f"The failed records in {path} cannot be read: {problem.strerror}.") from None
        with file:
            listed = records_at(file, [(one["line"], one["count"]) for one in runs])
            for (_, entry), number in zip(listed, numbers, strict=False):
                yield number, {**entry, "record": order["replace"].get(str(number), entry["record"])}
                left -= 1
        if left:
            raise UserFault(f"The list {path} lacks {left} failed records that it had.")


def inputs_of(order: Mapping[str, Any]) -> list[str]:
    """Return the files below in/ that the records came from."""
    return list(dict.fromkeys(one["input"] for _, one in given(order) if one.get("input")))


def append_csv(path: Path, order: Mapping[str, Any], name: str) -> int:
    """Append a file's records below its header; return their number. Values without a column are dropped."""
    header = path.open(newline="", encoding="utf-8")
    with header:
        columns = _fields(header.readline())
    count, unknown = 0, dict[str, None]()
    with path.open("a", newline="", encoding="utf-8") as file:
        for record in _records_of(order, name):
            unknown |= dict.fromkeys(key for key in record if key not in columns)
            file.write(_line([record.get(column) for column in columns]))
            count += 1
    if unknown:
        say(f"{name} has no columns {', '.join(unknown)}: their values in failed records are dropped.")
    return count


def _records_of(order: Mapping[str, Any], name: str) -> Iterator[Mapping[str, Any]]:
    return (one["record"] for _, one in given(order) if is_of(one.get("input") or "", name))


def is_of(name: str, file: str) -> bool:
    """Return whether a record's input is the file, or a part of it if it is a folder."""
    return name == file or name.startswith(f"{file}/")


def _fields(header: str) -> list[str]:
    return next(csv.reader([header]), [])


def _line(values: Sequence[Any]) -> str:
    return ",".join(map(_field, values)) + "\n"


def _field(value: Any) -> str:
    """Format a CSV field: NULL is empty, an empty string is quoted."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if text and _NEEDS_QUOTES.isdisjoint(text):
        return text
    return '"' + text.replace('"', '""') + '"'


def put(order: Mapping[str, Any]) -> dict[str, Any]:
    """Write all files except those of mapped tables. Raises UserFault if a record is missing."""
    data = Path(order["data"])
    listed = data / "in" / "files" / NAME
    with listed.open("w", encoding="utf-8") as file:
        for number, one in given(order):
            file.write(json.dumps({"number": number, **one}, ensure_ascii=False) + "\n")
    for name in inputs_of(order):
        if not any(is_of(name, file) for file in order["mapped"]):
            _put_file(data / name, order, name)
    return {"message": ""}


def _put_file(path: Path, order: Mapping[str, Any], name: str) -> None:
    """Write a CSV file with its existing header, or all keys as columns; any other file as JSON lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix != ".csv" and path.parent.name != "tables":
        path.unlink(missing_ok=True)
        with path.open("w", encoding="utf-8") as file:
            file.writelines(json.dumps(one, ensure_ascii=False) + "\n" for one in _records_of(order, name))
        return
    if path.is_file():
        with path.open(newline="", encoding="utf-8-sig") as known:
            header = known.readline().rstrip("\r\n")
        path.unlink()
    else:
        columns = dict.fromkeys(key for one in _records_of(order, name) for key in one)
        header = _line(list(columns)).rstrip("\n")
    path.write_text(header + "\n", encoding="utf-8")
    append_csv(path, order, name)


if __name__ == "__main__":
    raise SystemExit(run({"records": put}[sys.argv[1]], Path(sys.argv[2])))
