"""The component `lockside.splitter`: cuts one file of in/ into out/chunks; each gets the rest of in/ too.

Its parameters are `input` and one of `chunkRows`, `chunkBytes` and `chunks`. A CSV file is cut between
records and keeps its header in each chunk, any other file is cut between lines.
"""

import json
import math
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

USER = 1


class NotCut(Exception):
    """The file cannot be cut; the message says why."""


def split(data: Path) -> int:
    """Cuts the file; returns how many chunks there are."""
    config = json.loads((data / "config.json").read_bytes())
    parameters = config["parameters"]
    name = parameters.get("input") or _first_input(data, config)
    path = data / "in" / name.removeprefix("in/")
    if not path.is_file() or path.is_symlink():
        raise NotCut(f"There is no file in/{name.removeprefix('in/')} that could be split.")
    is_table = path.suffix == ".csv" or path.parent.name == "tables"
    relative = path.relative_to(data / "in")
    made = 0
    with path.open("rb") as file:
        header = b"".join(_record(file)) if is_table else b""
        size = path.stat().st_size - len(header)
        for records in _cut(file, _limits(parameters, size), is_table=is_table):
            made += 1
            chunk = data / "out/chunks" / f"{made:06}"
            _fill(chunk / relative, header, records)
            _link_rest(data / "in", chunk, relative)
    return made


def _first_input(data: Path, config: Mapping[str, Any]) -> str:
    """The first mapped table, else the first file."""
    mapped = ((config.get("storage") or {}).get("input") or {}).get("tables") or []
    if mapped:
        return f"tables/{mapped[0].get('destination') or mapped[0]['source']}"
    for folder in ("files", "tables"):
        names = sorted(one.name for one in (data / "in" / folder).iterdir() if one.suffix != ".manifest")
        if names:
            return f"{folder}/{names[0]}"
    raise NotCut("There is no file that could be split.")


def _limits(parameters: Mapping[str, Any], size: int) -> tuple[float, float]:
    """How many records and how many bytes a chunk has at most, or ends with."""
    if (number := parameters.get("chunks")) is not None:
        return math.inf, max(-(-size // number), 1)
    return parameters.get("chunkRows", math.inf), parameters.get("chunkBytes", math.inf)


def _cut(file: BinaryIO, limits: tuple[float, float], *, is_table: bool) -> Iterator[Iterator[bytes]]:
    """The chunks, each to be read to its end before the next."""
    most_rows, most_bytes = limits
    following = _record(file) if is_table else _line(file)

    def chunk(first: list[bytes]) -> Iterator[bytes]:
        nonlocal following
        rows, size, record = 0, 0, first
        while record:
            yield from record
            rows, size = rows + 1, size + sum(map(len, record))
            record = _record(file) if is_table else _line(file)
            if rows >= most_rows or size >= most_bytes:
                break
        following = record

    while following:
        yield chunk(following)


def _record(file: BinaryIO) -> list[bytes]:
    """The lines of one record of a CSV file: a quoted field may have several."""
    lines: list[bytes] = []
    quotes = 0
    while line := file.readline():
        lines.append(line)
        quotes += line.count(b'"')
        if quotes % 2 == 0:
            break
    return lines


def _line(file: BinaryIO) -> list[bytes]:
    line = file.readline()
    return [line] if line else []


def _fill(path: Path, header: bytes, records: Iterator[bytes]) -> None:
    path.parent.mkdir(parents=True)
    with path.open("wb") as file:
        file.write(header)
        if header and not header.endswith(b"\n"):
            file.write(b"\n")
        file.writelines(records)


def _link_rest(source: Path, chunk: Path, cut: Path) -> None:
    """Everything else of in/tables and in/files, the manifest of the file included."""
    for folder in ("tables", "files"):
        (chunk / folder).mkdir(exist_ok=True)
        for parent, _, names in os.walk(source / folder):
            inside = Path(parent).relative_to(source)
            (chunk / inside).mkdir(exist_ok=True)
            for name in names:
                if inside / name != cut:
                    os.link(Path(parent) / name, chunk / inside / name, follow_symlinks=False)


def main() -> int:
    """Cuts the file of the data folder; exit code 1 is the user's fault."""
    try:
        made = split(Path(os.environ["KBC_DATADIR"]))
    except NotCut as problem:
        print(problem, file=sys.stderr)
        return USER
    print(f"{made} chunks")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
