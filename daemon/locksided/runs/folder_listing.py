"""Lists the content of a data folder after a step: outputs, artifacts, chunks. Standard library only."""

import os
import stat
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from locksided.keeper.log.format import LARGEST_TIME_US
from locksided.runs.safefs import NotPlain, opened_below, opened_folder, read_file

MAX_MANIFEST_BYTES = 2**20
MAX_MANIFESTS_BYTES = 8 * 2**20
MAX_ENTRIES = 10_000
MAX_COUNTED = 100_000
_MAX_DEPTH = 16
SUFFIX = ".manifest"


def folders(data_fd: int, parent: str, name: str) -> list[str]:
    """Return the names of the folders inside a folder, sorted."""
    try:
        with opened_folder(parent, data_fd) as out, opened_folder(name, out) as folder:
            names = sorted(os.listdir(folder))
            return [one for one in names if stat.S_ISDIR(os.lstat(one, dir_fd=folder).st_mode)]
    except (FileNotFoundError, PermissionError, NotPlain):
        return []


def size_of(data_fd: int, path: str) -> int | None:
    """Return the size of a plain file; None if there is none."""
    try:
        with opened_below(path, data_fd) as file:
            return os.fstat(file.fileno()).st_size
    except (FileNotFoundError, PermissionError, NotPlain):
        return None


Listed = tuple[list[dict[str, Any]], int]
"""The listed entries of a folder, and how many more there are."""


def outputs(data_fd: int, kinds: Sequence[str]) -> tuple[dict[str, Listed], bool]:
    """Return the entries of out/tables etc. with the text of their manifests, without links and devices.

    The second value tells whether there are manifests without a table or a file.
    """
    try:
        with opened_folder("out", data_fd) as out:
            found = {kind: _outputs(out, kind) for kind in kinds}
    except (FileNotFoundError, PermissionError, NotPlain):
        return dict.fromkeys(kinds, ([], 0)), False
    return {kind: listed for kind, (listed, _) in found.items()}, any(more for _, more in found.values())


def _outputs(out: int, kind: str) -> tuple[Listed, bool]:
    try:
        with opened_folder(kind, out) as folder:
            names = sorted(os.listdir(folder))
            shown = [name for name in names if not name.endswith(SUFFIX)]
            listed = shown[:MAX_ENTRIES]
            of_listed = {name + SUFFIX for name in listed}
            manifests = _manifests(folder, [name for name in names if name in of_listed])
            entries = [_entry(folder, f"out/{kind}", name) for name in listed]
    except (FileNotFoundError, PermissionError, NotPlain):
        return ([], 0), False
    with_manifests = [{**entry, **manifests.get(entry["name"], {})} for entry in entries if entry]
    orphans = {name.removesuffix(SUFFIX) for name in names if not name.startswith(".")}.difference(shown)
    return (with_manifests, len(shown) - len(listed)), bool(orphans)


def _manifests(folder: int, names: list[str]) -> dict[str, dict[str, Any]]:
    manifests: dict[str, dict[str, Any]] = {}
    left = MAX_MANIFESTS_BYTES
    for name in names:
        try:
            content = read_file(name, folder, min(MAX_MANIFEST_BYTES, left)) or b""
            manifests[_shown(name).removesuffix(SUFFIX)] = {"manifest": content.decode("utf-8", "replace")}
            left -= len(content)
        except (NotPlain, PermissionError) as problem:
            manifests[_shown(name).removesuffix(SUFFIX)] = {"problem": _shown(str(problem))}
    return manifests


def _entry(folder: int, path: str, name: str) -> dict[str, Any]:
    status = os.lstat(name, dir_fd=folder)
    shown = _shown(name)
    updated_us = min(max(status.st_mtime_ns // 1000, 0), LARGEST_TIME_US)  # programs can set any time
    entry = {"name": shown, "path": f"{path}/{shown}", "updatedUs": updated_us}
    if stat.S_ISREG(status.st_mode):
        return {**entry, "isSliced": False, "sizeBytes": status.st_size}
    if stat.S_ISDIR(status.st_mode):
        return {**entry, "isSliced": True, "sizeBytes": sum(size for _, size in _walk(folder, name))}
    return {}


def artifacts(data_fd: int) -> tuple[list[dict[str, Any]], int]:
    try:
        with opened_folder("artifacts", data_fd) as fd:
            found = sorted(_walk(fd, "out"))
    except (FileNotFoundError, PermissionError, NotPlain):
        return [], 0
    listed = [
        {"path": f"artifacts/{path}", "name": path.rpartition("/")[2], "sizeBytes": size}
        for path, size in found[:MAX_ENTRIES]
    ]
    return listed, len(found) - len(listed)


def _walk(parent: int, name: str) -> Iterator[tuple[str, int]]:
    """Yield plain files below a folder with their sizes, up to limits of number and depth."""
    return islice(_walk_level(parent, name, _shown(name), _MAX_DEPTH), MAX_COUNTED)


def _shown(name: str) -> str:
    """Return a file's name as text; bytes that are not UTF-8 become question marks."""
    return name.encode("utf-8", "replace").decode()


def _walk_level(parent: int, name: str, shown: str, depth: int) -> Iterator[tuple[str, int]]:
    try:
        with opened_folder(name, parent) as folder:
            for inner in os.listdir(folder):
                status = os.lstat(inner, dir_fd=folder)
                path = f"{shown}/{_shown(inner)}"
                if stat.S_ISREG(status.st_mode):
                    yield path, status.st_size
                elif stat.S_ISDIR(status.st_mode) and depth > 1:
                    yield from _walk_level(folder, inner, path, depth - 1)
    except (FileNotFoundError, PermissionError, NotPlain):
        return
