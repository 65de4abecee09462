"""The component `lockside.assembler`: combines the output of the chunks, in their order, into one output.

out/tables/NAME is a sliced table of all chunks' tables with that name; each file becomes
out/files/CHUNK_NAME. The state is unchanged.
"""

import csv
import json
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

USER = 1
_SUFFIX = ".manifest"


class AssemblyError(Exception):
    """The outputs of the chunks do not fit together; the message says why."""


def assemble(data: Path) -> None:
    """Combine the outputs of all chunks. Raises AssemblyError."""
    columns: dict[str, list[str]] = {}
    for chunk in _chunks(data):
        for path in _entries(chunk / "tables"):
            manifest = _manifest(path)
            into = data / "out/tables" / path.name
            known = columns.get(path.name)
            if known is None:
                into.mkdir()
            found = _add(path, manifest, into, chunk.name)
            if known is None:
                columns[path.name] = found
                _write_manifest(into, manifest, found)
            elif known != found:
                raise AssemblyError(
                    f"Table {path.name}: chunk {chunk.name} has the columns {', '.join(found)}, "
                    f"those before it have {', '.join(known)}."
                )
        for path in (chunk / "files").iterdir():
            os.rename(path, data / "out/files" / f"{chunk.name}_{path.name}")
    state = data / "in/state.json"
    if state.exists():
        shutil.copyfile(state, data / "out/state.json")


def _chunks(data: Path) -> list[Path]:
    return sorted((data / "in/chunks").iterdir())


def _entries(folder: Path) -> Iterator[Path]:
    return (one for one in sorted(folder.iterdir()) if not one.name.endswith(_SUFFIX))


def _manifest(path: Path) -> dict[str, Any]:
    found = path.with_name(path.name + _SUFFIX)
    text = found.read_text() if found.exists() else ""
    return (json.loads(text) or {}) if text.strip() else {}


def _columns(manifest: Mapping[str, Any]) -> list[str] | None:
    """Return the columns named by the manifest."""
    if manifest.get("schema"):
        return [str(one["name"]) for one in manifest["schema"]]
    return list(manifest["columns"]) if manifest.get("columns") else None


def _add(path: Path, manifest: Mapping[str, Any], into: Path, chunk: str) -> list[str]:
    """Add a file, or the slices of one, without its header; return its columns. Raises AssemblyError."""
    known = _columns(manifest)
    if path.is_dir():
        if known is None:
            raise AssemblyError(f"Table {path.name}: it is sliced, and its manifest names no columns.")
        for index, one in enumerate(_entries(path)):
            os.rename(one, into / f"{chunk}_{index:06}.csv")
        return known
    if known is not None and not manifest.get("has_header"):
        os.rename(path, into / f"{chunk}.csv")
        return known
    with path.open("rb") as file:
        header = _record(file)
        with (into / f"{chunk}.csv").open("wb") as rest:
            shutil.copyfileobj(file, rest)
    if known is not None:
        return known
    delimiter, quote = manifest.get("delimiter") or ",", manifest.get("enclosure", '"')
    reader = csv.reader(
        [header.decode("utf-8-sig")],
        delimiter=delimiter,
        quotechar=quote or None,
        quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
    )
    return next(reader, [])


def _record(file: Any) -> bytes:
    """Return the first record, which may span several lines."""
    record = b""
    while line := file.readline():
        record += line
        if record.count(b'"') % 2 == 0:
            break
    return record


def _write_manifest(into: Path, manifest: Mapping[str, Any], columns: list[str]) -> None:
    """Write the first chunk's manifest with the names of the columns, because slices have no header."""
    content = {name: value for name, value in manifest.items() if name != "has_header"}
    if not content.get("schema"):
        content["columns"] = columns
    into.with_name(into.name + _SUFFIX).write_text(json.dumps(content))


def main() -> int:
    """Combine the chunks of the data folder; exit code 1 is a user's fault."""
    try:
        assemble(Path(os.environ["KBC_DATADIR"]))
    except AssemblyError as problem:
        print(problem, file=sys.stderr)
        return USER
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
