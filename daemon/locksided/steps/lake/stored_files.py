"""Stored files: files of out/files are moved to the lake, and copied from there to in/files.

Stored files never change: each is placed once, under a unique number.
"""

import hashlib
import json
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from lockside.documents.reading import convert
from lockside.documents.stored_files import OutputFile
from locksided.steps.durable import make_folder, sync
from locksided.steps.lake.sources import SUFFIX, read_manifest
from locksided.steps.program import UserFault
from locksided.tables.stored_files import FileOrder, Stored, file_name, output_files, place_of

READ_ONLY = 0o400
PIECE_BYTES = 2**20
SNIFFED_BYTES = 4096
LOOK_BYTES = 2**16


@dataclass(frozen=True, slots=True)
class Source:
    """A file to be stored, and how; `place` is its row's folder, empty for a file from elsewhere."""

    path: Path
    mapping: OutputFile
    place: str = ""


@dataclass(slots=True)
class Found:
    """The files of all rows to be stored, and the problems found."""

    sources: list[Source] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def found_in(order: Mapping[str, Any]) -> Found:
    """Collect the regular files in out/files of all rows."""
    found = Found()
    if not order.get("storesFiles"):
        return found
    for row in order["rows"]:
        folder = Path(row["folder"]) / "out" / "files"
        mapped = {one.source: one for one in reversed(output_files(row["output"]))}
        names = sorted(os.listdir(folder)) if folder.is_dir() else []
        data = [name for name in names if _is_data(folder / name)]
        found.problems += [f'File "{name}" not found.' for name in mapped if name not in data]
        found.problems += [
            f'Found orphaned file manifest: "{name}"'
            for name in names
            if name.endswith(SUFFIX) and not name.startswith(".") and name.removesuffix(SUFFIX) not in data
        ]
        for name in data:
            try:
                mapping = mapped.get(name) or _by_manifest(folder, name)
            except ValueError as fault:
                found.problems.append(f'Failed to parse manifest file "{name}{SUFFIX}": {fault}')
            else:
                found.sources.append(Source(folder / name, mapping, row["place"]))
    return found


def _is_data(path: Path) -> bool:
    """Return whether it is a regular file to be stored."""
    is_named = not path.name.endswith(SUFFIX) and not path.name.startswith(".")
    return is_named and stat.S_ISREG(path.lstat().st_mode)


def _by_manifest(folder: Path, name: str) -> OutputFile:
    """Return the mapping in a file's manifest. Raises ValueError."""
    given = {
        key: value for key, value in read_manifest(folder / (name + SUFFIX)).items() if value is not None
    }
    read: OutputFile = convert({**given, "source": _shown(name)}, OutputFile)
    return read


def _shown(name: str) -> str:
    """Return a file's name as text; bytes that are not UTF-8 become question marks."""
    return name.encode("utf-8", "replace").decode()


def store(order: Mapping[str, Any], sources: Sequence[Source]) -> tuple[list[Stored], list[dict[str, Any]]]:
    """Store the files; return them, and their entries in the job's result. Raises UserFault."""
    if not sources:
        return [], []
    numbers = order.get("numbers", [])
    if len(numbers) < len(sources):
        raise UserFault(f"There are {len(sources)} files, and {len(numbers)} were listed.")
    folder = Path(order["root"]) / order["filesFolder"]
    tags = list(_tags_of(order["origin"]))
    done = [
        _stored(one, number, folder, tags, keeps_source=order["keepsSources"])
        for one, number in zip(sources, numbers, strict=False)
    ]
    for path in {folder / str(number // 1000) for number in numbers[: len(sources)]}:
        sync(path)
    return done, [_shown_output(source, one) for source, one in zip(sources, done, strict=True)]


def _tags_of(origin: Mapping[str, Any]) -> Iterator[str]:
    """Yield the tags that every file of a run gets."""
    yield f"componentId: {origin['component']}"
    if origin["config"] is not None:
        yield f"configurationId: {origin['config']}"
    yield f"runId: {origin['runId']}"


def _stored(source: Source, number: int, folder: Path, tags: Sequence[str], *, keeps_source: bool) -> Stored:
    mapping = source.mapping
    path = folder / place_of(number, mapping.source)
    make_folder(path.parent)
    path.unlink(missing_ok=True)  # left by a step that was lost
    if keeps_source or not _is_linked(source.path, path):
        _copy(source.path, path)
    size_bytes, sha256 = _finish(path)
    return Stored(
        id=number,
        name=mapping.source,
        source=_shown(source.path.name),
        place=source.place,
        size_bytes=size_bytes,
        sha256=sha256,
        tags=list(dict.fromkeys([*mapping.tags, *tags])),
        is_public=mapping.is_public,
        is_permanent=mapping.is_permanent,
        is_encrypted=mapping.is_encrypted,
        notify=mapping.notify,
    )


def _is_linked(source: Path, path: Path) -> bool:
    """Link a file to its place if the file system can and the file has no other links."""
    if source.lstat().st_nlink > 1:
        return False
    with suppress(OSError):
        os.link(source, path, follow_symlinks=False)
        return True
    return False


def _copy(source: Path, path: Path) -> None:
    """Copy a regular file. Raises UserFault if it cannot be read."""
    try:
        opened = os.open(source, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise UserFault(f'"{source}" cannot be read: {error.strerror}.') from None
    with os.fdopen(opened, "rb") as given, path.open("xb") as made:
        if not stat.S_ISREG(os.fstat(opened).st_mode):
            raise UserFault(f'"{source}" is not a regular file.')
        while piece := given.read(PIECE_BYTES):
            made.write(piece)


def _finish(path: Path) -> tuple[int, str]:
    """Make a file read-only and sync it; return its size and its sha256."""
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        os.fchmod(file.fileno(), READ_ONLY)
        os.fsync(file.fileno())
        return os.fstat(file.fileno()).st_size, sha256


def _shown_output(source: Source, stored: Stored) -> dict[str, Any]:
    """Return an entry of `result.output.files`."""
    return {
        "id": str(stored.id),
        "name": stored.name,
        "tags": stored.tags,
        "sizeBytes": stored.size_bytes,
        "checksum": f"sha256:{stored.sha256}",
        "isPermanent": stored.is_permanent,
        "stored": True,
        "progress": 1.0,
        "previewType": preview_type(source.path),
        "path": f"{stored.place}/out/files/{stored.source}" if stored.place else None,
    }


def preview_type(path: Path) -> str:
    """Return how a file is previewed: `csv` or `json` by its name, else `text` or `binary` by its content."""
    if path.suffix.lower() in (".csv", ".json"):
        return path.suffix.lower()[1:]
    with path.open("rb") as file:
        begins = file.read(SNIFFED_BYTES)
    try:
        begins.decode()
    except UnicodeDecodeError as fault:  # the last character may be cut
        return "text" if fault.start > SNIFFED_BYTES - 4 else "binary"
    return "binary" if b"\0" in begins else "text"


def put(order: Mapping[str, Any]) -> dict[str, Any]:
    """Store a file named by the caller. Raises UserFault."""
    asked = order["parameters"]
    path = Path(asked["path"])
    if not path.is_file():
        raise UserFault(f'"{path}" cannot be read: it does not exist or is not a file.')
    mapping = OutputFile(
        source=asked.get("name") or path.name,
        tags=asked.get("tags", []),
        is_permanent=asked.get("isPermanent", False),
    )
    stored, shown = store(order, [Source(path, mapping)])
    return {"message": "", "result": {"output": {"files": shown}}, "files": msgspec.to_builtins(stored)}


def fetch(order: Mapping[str, Any]) -> tuple[list[dict[str, Any]], list[str]]:
    """Copy the selected files to in/files, with manifests; return their entries, and the problems found."""
    folder = Path(order["folders"]["data"]) / "in" / "files"
    shown, problems = [], []
    for one in msgspec.convert(order.get("files", []), list[FileOrder], strict=False):
        path = folder / file_name(one.id, one.name)
        try:
            if not path.exists():
                _copy_out(Path(order["root"]) / one.path, path)
        except PermissionError:
            problems.append(f'Not allowed to read file "{one.name}" ({one.id}).')
        except FileNotFoundError:
            problems.append(f'File "{one.name}" ({one.id}) is damaged: {one.path} is missing.')
        else:
            (folder / f"{path.name}{SUFFIX}").write_text(json.dumps(_manifest(one)))
            shown.append(_shown_input(one, path, order["row"]))
    return shown, problems


def _copy_out(stored: Path, path: Path) -> None:
    with stored.open("rb") as given, path.open("xb") as made:
        while piece := given.read(PIECE_BYTES):
            made.write(piece)


def _manifest(file: FileOrder) -> dict[str, Any]:
    return {
        "id": file.id,
        "name": file.name,
        "created": file.created,
        "is_public": file.is_public,
        "is_encrypted": file.is_encrypted,
        "is_sliced": False,
        "tags": file.tags,
        "max_age_days": file.max_age_days,
        "size_bytes": file.size_bytes,
    }


def _shown_input(file: FileOrder, path: Path, row: str | None) -> dict[str, Any]:
    """Return an entry of `result.input.files`."""
    return {
        "id": str(file.id),
        "name": file.name,
        "source": None,
        "target": f"in/files/{path.name}",
        "sizeBytes": file.size_bytes,
        "checksum": f"sha256:{file.sha256}",
        "tags": file.tags,
        "row": row,
        "entry": file.entry,
    }


def look(order: Mapping[str, Any]) -> dict[str, Any]:
    """Return the beginning of a file, or of the first slice in a folder. Raises UserFault."""
    path = Path(order["path"])
    try:
        if path.is_dir():
            path = path / min(name for name in os.listdir(path) if not name.startswith("."))
        kind = preview_type(path)
        with path.open("rb") as file:
            begins = file.read(LOOK_BYTES + 1)
    except PermissionError:
        raise UserFault(f'Not allowed to read file "{path.name}".') from None
    except (OSError, ValueError):
        raise UserFault(f'File "{path.name}" no longer exists.') from None
    text = None if kind == "binary" else begins[:LOOK_BYTES].decode("utf-8", "replace")
    shown = {"preview_type": kind, "text": text, "is_truncated": len(begins) > LOOK_BYTES}
    return {"message": "", "result": shown}
