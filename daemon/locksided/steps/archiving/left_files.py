"""The regular files in the output of a job that can be archived, with their paths in the archive."""

import os
import stat
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

FOLDERS = {"files": "out/files", "tables": "out/tables", "artifacts": "artifacts/out"}
LOG = "log.txt"


class LeftFile(NamedTuple):
    """A file, and its path in the archive."""

    file: str
    path: str


def left_files(order: Mapping[str, Any]) -> list[LeftFile]:
    """Return the files of all rows, and the log; no links, no devices."""
    parts = [FOLDERS[part] for part in order["include"] if part in FOLDERS]
    found = [
        one
        for data, before in _data_folders(order)
        for part in parts
        for one in _files_below(data, part, before)
    ]
    return [*found, *([LeftFile(order["logFile"], LOG)] if "log" in order["include"] else [])]


def _data_folders(order: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the folder of each row with the prefix of its paths in the archive."""
    folders = order["folders"]
    if len(order["rows"]) < 2:
        yield folders["data"], ""
        return
    for row in order["rows"]:
        yield f"{folders['rows']}/{row}", f"{row}/"


def _files_below(data: str, part: str, before: str) -> Iterator[LeftFile]:
    for folder, folders, names in os.walk(f"{data}/{part}"):
        folders.sort()
        for name in sorted(names):
            file = f"{folder}/{name}"
            if stat.S_ISREG(os.lstat(file).st_mode):
                yield LeftFile(file, before + os.path.relpath(file, data))
