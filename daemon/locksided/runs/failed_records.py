"""The list of records that a component could not process: artifacts/out/failed_records.jsonl.

A line is an object with `record`, and optionally `input`, `id`, `message`, `code` and more. Invalid lines,
and lines beyond the limits, are counted and otherwise ignored wherever the list is read. Standard library
only: helpers and steps read it.
"""

import json
import os
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO

from locksided.keeper import strictjson
from locksided.keeper.strictjson import MAX_DOCUMENT_DEPTH, BadJson
from locksided.runs.safefs import opened_below

NAME = "failed_records.jsonl"
PATH = f"artifacts/out/{NAME}"
MAX_BYTES = 2**30
MAX_RECORDS = 1_000_000
MAX_LINE_BYTES = 2**20
MAX_COUNTED_BYTES = 2**34
"""Anything beyond this is not even counted."""
MAX_PAGE_BYTES = 4 * 2**20


def lines_of(file: BinaryIO) -> Iterator[dict[str, Any] | None]:
    """Yield every line that is not blank; None for an invalid line or one beyond the limits."""
    size = kept = 0
    while size <= MAX_COUNTED_BYTES and (line := file.readline(MAX_LINE_BYTES + 1)):
        size += len(line)
        is_whole = len(line) <= MAX_LINE_BYTES
        while not is_whole and line and not line.endswith(b"\n"):
            line = file.readline(MAX_LINE_BYTES)
            size += len(line)
        if is_whole and not line.strip():
            continue
        found = _entry(line) if is_whole and size <= MAX_BYTES and kept < MAX_RECORDS else None
        kept += found is not None
        yield found


def records_at(file: BinaryIO, runs: Sequence[tuple[int, int]]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield valid lines in `runs` with their indexes from 0; a run is a first index and a length."""
    ahead = deque(sorted(map(tuple, runs)))
    good = (one for one in lines_of(file) if one is not None)
    for place, one in enumerate(good):
        while ahead and place >= sum(ahead[0]):
            ahead.popleft()
        if not ahead:
            return
        if place >= ahead[0][0]:
            yield place, one


def _entry(line: bytes) -> dict[str, Any] | None:
    try:
        found = strictjson.read(line, MAX_DOCUMENT_DEPTH)
    except BadJson:
        return None
    if not isinstance(found, dict) or not isinstance(found.get("record"), dict):
        return None
    return found if is_input(found.get("input")) else None


def is_input(path: object) -> bool:
    """Return whether it is None, or the path of a file below in/."""
    if path is None:
        return True
    if not isinstance(path, str) or "\0" in path:
        return False
    parts = path.split("/")
    is_plain = len(parts) >= 3 and not {"", ".", "..", NAME}.intersection(parts)
    return is_plain and parts[0] == "in" and parts[1] in ("tables", "files", "user")


def measure(data_fd: int, _argument: Mapping[str, Any]) -> dict[str, Any]:
    """Return the numbers of valid records (`count`) and of lines (`lines`), and the list's `sizeBytes`.

    Empty without a list.
    """
    try:
        with opened_below(PATH, data_fd) as file:
            lines = count = 0
            for one in lines_of(file):
                lines += 1
                count += one is not None
            size = min(os.fstat(file.fileno()).st_size, MAX_BYTES)
    except FileNotFoundError:
        return {}
    return {"count": count, "lines": lines, "sizeBytes": size}


def page(folder_fd: int, argument: Mapping[str, Any]) -> dict[str, Any]:
    """Return the `records` at `path` that `runs` select, or as many of them as fit into a page."""
    found: list[dict[str, Any]] = []
    size = 0
    with opened_below(argument["path"], folder_fd) as file:
        for _, one in records_at(file, argument["runs"]):
            size += len(json.dumps(one))
            if found and size > MAX_PAGE_BYTES:
                break
            found.append(one)
    return {"records": found}
