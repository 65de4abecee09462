"""Checkpoints of a table's log: all files of a version in one file, so readers need not read every entry.

delta-rs writes them to a private folder with links to the log's entries. They are renamed into the log after
they were synced.
"""

import json
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb

from locksided.steps.durable import sync
from locksided.steps.lake.engine import file_list, literal
from locksided.tables.names import checkpoint_name, entry_name, version_of_checkpoint

EVERY = 50
"""The number of versions between two checkpoints."""
LAST = "_last_checkpoint"


def newest(log: Path, version: int) -> int | None:
    """Return the newest version up to this one that has a checkpoint."""
    try:
        last = int(json.loads((log / LAST).read_bytes())["version"])
    except FileNotFoundError:
        return None
    if last <= version:
        return last
    found = (version_of_checkpoint(name) for name in os.listdir(log))
    return max((one for one in found if one is not None and one <= version), default=None)


def oldest(log: Path) -> int | None:
    """Return the oldest version that has a checkpoint."""
    found = (version_of_checkpoint(name) for name in os.listdir(log))
    return min((one for one in found if one is not None), default=None)


def actions(log: Path, version: int) -> Iterator[dict[str, Any]]:
    """Yield a version's files and its metadata from the checkpoint."""
    files = file_list([log / checkpoint_name(version)])
    with duckdb.connect(":memory:", config={"threads": 1}) as connection:
        found = connection.execute(f'SELECT "add", "metaData" FROM read_parquet({files})').fetchall()
    for add, metadata in found:
        if add is not None:
            yield {"add": {**_present(add), "dataChange": True}}
        elif metadata is not None:
            yield {"metaData": _present(metadata)}


def _present(action: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in action.items() if value is not None}


def write_if_due(folder: Path, published: int) -> None:
    """Write a checkpoint of the newest published version if the last one is old enough."""
    log = folder / "_delta_log"
    last = newest(log, published)
    if published - (-1 if last is None else last) >= EVERY:
        write(folder, published, last)


def write(folder: Path, version: int, last: int | None) -> None:
    """Write a checkpoint of a published version; `last` is the newest one before it."""
    from deltalake import DeltaTable

    log, work = folder / "_delta_log", folder / "_lockside" / f"checkpoint.{uuid.uuid4()}"
    made = work / "_delta_log"
    made.mkdir(parents=True)
    try:
        _link(log, made, version, last)
        DeltaTable(str(work)).create_checkpoint()
        _remove_tombstones(made, checkpoint_name(version))
        for name in (checkpoint_name(version), LAST):
            sync(made / name)
            os.rename(made / name, log / name)
        sync(log)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _remove_tombstones(made: Path, name: str) -> None:
    """Remove the tombstones from a checkpoint: no reader needs them, and each load may add some.

    delta-rs keeps them for a week; after ten thousand loads, reading them dominates the time to open a table.
    """
    whole, part = file_list([made / name]), made / f"{name}.part"
    with duckdb.connect(":memory:", config={"threads": 1}) as connection:
        kept = (
            f"COPY (FROM read_parquet({whole}) WHERE remove IS NULL) TO {literal(str(part))} (FORMAT parquet)"
        )
        ((count,),) = connection.execute(kept).fetchall()
    os.replace(part, made / name)
    last = json.loads((made / LAST).read_bytes()) | {"size": count}
    last.pop("sizeInBytes", None)
    (made / LAST).write_text(json.dumps(last))


def _link(log: Path, made: Path, version: int, last: int | None) -> None:
    names = [entry_name(one) for one in range(0 if last is None else last + 1, version + 1)]
    for name in names if last is None else [checkpoint_name(last), *names]:
        os.link(log / name, made / name)
