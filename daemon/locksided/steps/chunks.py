"""`python -I -m locksided.steps.chunks chunk|assembly FOLDER`: the input of a chunk, or of an assembler.

The files are copies: if a program changes its input, no other job and no retry sees the change.
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
    """Copy the chunk into in/. Raises UserFault if it no longer exists."""
    source, into = Path(order["from"]), Path(order["data"]) / "in"
    if not source.is_dir():
        raise UserFault(f"The chunk {source} no longer exists: run the whole job again.")
    for name in ("tables", "files"):
        _copy(source / name, into / name)
    return {"message": ""}


def assembly(order: Mapping[str, Any]) -> dict[str, Any]:
    """Copy and list the outputs of all successful chunks. Raises UserFault if one no longer exists."""
    into = Path(order["data"]) / "in"
    for one in order["chunks"]:
        if one["status"] not in ("success", "warning"):
            continue
        if one["from"] is None or not os.path.isdir(one["from"]):
            raise UserFault(f"The output of chunk {one['chunk']} in job {one['job']} is no longer kept.")
        for name, path in _PARTS.items():
            _copy(Path(one["from"]) / path, into / "chunks" / f"{one['chunk']:06}" / name)
    listed = [{name: one[name] for name in ("chunk", "job", "status")} for one in order["chunks"]]
    (into / "chunks").mkdir(exist_ok=True)
    (into / "chunks.json").write_text(json.dumps(listed))
    return {"message": ""}


def _copy(source: Path, into: Path) -> None:
    """Copy regular files and folders; links are left out."""
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
