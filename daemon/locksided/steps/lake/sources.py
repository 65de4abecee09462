"""The content of out/tables of a row: files, folders of slices, and their manifests. Links are ignored."""

import json
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SUFFIX = ".manifest"
MAX_MANIFEST_BYTES = 2**20


@dataclass(frozen=True, slots=True)
class Found:
    """A file or folder with the content of its manifest."""

    name: str
    path: Path
    is_sliced: bool
    manifest: dict[str, Any]

    def files(self) -> list[Path]:
        """Return the file, or its slices sorted by name."""
        if not self.is_sliced:
            return [self.path]
        inside = sorted(name for name in os.listdir(self.path) if not name.startswith("."))
        return [self.path / name for name in inside if _kind(self.path / name) == stat.S_IFREG]


def _kind(path: Path) -> int | None:
    """Return `S_IFREG` or `S_IFDIR`; None for any other type."""
    kind = stat.S_IFMT(path.lstat().st_mode)
    return kind if kind in (stat.S_IFREG, stat.S_IFDIR) else None


def found_in(folder: Path) -> tuple[list[Found], list[str]]:
    """Return the sources to store, sorted by name, and the problems found."""
    try:
        names = sorted(os.listdir(folder))
    except FileNotFoundError:
        return [], []
    data = [name for name in names if not name.endswith(SUFFIX) and not name.startswith(".")]
    problems = list(_orphans(names, set(data)))
    found = []
    for name in data:
        kind = _kind(folder / name)
        if kind is None:
            continue
        try:
            manifest = read_manifest(folder / (name + SUFFIX))
        except ValueError as fault:
            problems.append(f'Failed to parse manifest file "{name}{SUFFIX}": {fault}')
        else:
            found.append(Found(name, folder / name, kind == stat.S_IFDIR, manifest))
    return found, problems


def _orphans(names: Sequence[str], data: set[str]) -> Iterator[str]:
    for name in names:
        if name.endswith(SUFFIX) and not name.startswith(".") and name.removesuffix(SUFFIX) not in data:
            yield f'Found orphaned table manifest: "{name}"'


def read_manifest(path: Path) -> dict[str, Any]:
    """Return the content of a manifest; empty if there is none. Raises ValueError."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ValueError(error.strerror) from None
    with os.fdopen(descriptor, "rb") as file:
        content = file.read(MAX_MANIFEST_BYTES + 1)
    if len(content) > MAX_MANIFEST_BYTES:
        raise ValueError(f"it is larger than {MAX_MANIFEST_BYTES} bytes")
    if not content.strip():
        return {}
    document = json.loads(content)
    if document == []:
        return {}
    if not isinstance(document, dict):
        raise ValueError("it is not an object")  # noqa: TRY004 - an error of the file, not of a call
    return document
