"""`python -I -m locksided.steps.chunks chunk|assembly FOLDER`: the input of a chunk, or of an assembler.

They are copies: what a program does to its input is seen by nobody else, and not by a retry either.
"""

import json
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from locksided.steps.program import UserFault, run

_PARTS = {"tables": "out/tables", "files": "out/files", "artifacts": "artifacts/out"}


def chunk(order: Mapping[str, Any]) -> dict[str, Any]:
    """Makes in/ a copy of the chunk. Raises UserFault when it is gone."""
    source, into = Path(order["from"]), Path(order["data"]) / "in"
    if not source.is_dir():
        raise UserFault(f"The chunk {source} is gone: run the whole job again.")
    for name in ("tables", "files"):
        _copy(source / name, into / name)
    return {"message": ""}


def assembly(order: Mapping[str, Any]) -> dict[str, Any]:
    """Copies what each chunk left that ended well, and lists all. Raises UserFault when one is gone."""
    into = Path(order["data"]) / "in"
    for one in order["chunks"]:
        if one["status"] not in ("success", "warning"):
            continue
        if one["from"] is None or not os.path.isdir(one["from"]):
            raise UserFault(f"What job {one['job']} left of chunk {one['chunk']} is no longer kept.")
        for name, path in _PARTS.items():
            _copy(Path(one["from"]) / path, into / "chunks" / f"{one['chunk']:06}" / name)
    listed = [{name: one[name] for name in ("chunk", "job", "status")} for one in order["chunks"]]
    (into / "chunks").mkdir(exist_ok=True)
    (into / "chunks.json").write_text(json.dumps(listed))
    return {"message": ""}


def _copy(source: Path, into: Path) -> None:
    """Plain files and folders; links are left out."""
    into.mkdir(parents=True, exist_ok=True)
    if not source.is_dir() or source.is_symlink():
        return
    for one in os.scandir(source):
        if one.is_dir(follow_symlinks=False):
            _copy(Path(one.path), into / one.name)
        elif one.is_file(follow_symlinks=False):
            shutil.copyfile(one.path, into / one.name, follow_symlinks=False)


if __name__ == "__main__":
    raise SystemExit(run({"chunk": chunk, "assembly": assembly}[sys.argv[1]], Path(sys.argv[2])))
