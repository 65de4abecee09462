"""Checkpoints of a table's log: all files of a version in one file, so readers need not read every entry.

delta-rs makes them, of links to the log's entries in a folder that nobody reads. They get their names in the
log when they are on the disk.
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
from locksided.steps.lake.engine import literal
from locksided.tables.names import checkpoint_name, entry_name, version_of_checkpoint

EVERY = 50
"""So many versions after the last checkpoint another is made."""
LAST = "_last_checkpoint"


def newest(log: Path, version: int) -> int | None:
    """The newest version up to this one that has a checkpoint."""
    try:
        last = int(json.loads((log / LAST).read_bytes())["version"])
    except FileNotFoundError:
        return None
    if last <= version:
        return last
    found = (version_of_checkpoint(name) for name in os.listdir(log))
    return max((one for one in found if one is not None and one <= version), default=None)


def oldest(log: Path) -> int | None:
    """The oldest version that has a checkpoint."""
    found = (version_of_checkpoint(name) for name in os.listdir(log))
    return min((one for one in found if one is not None), default=None)


def actions(log: Path, version: int) -> Iterator[dict[str, Any]]:
    """The files of a version, and what the table is, from its checkpoint."""
    path = literal(str(log / checkpoint_name(version)))
    with duckdb.connect(":memory:", config={"threads": 1}) as connection:
        found = connection.execute(f'SELECT "add", "metaData" FROM read_parquet({path})').fetchall()
    for add, metadata in found:
        if add is not None:
            yield {"add": {**_present(add), "dataChange": True}}
        elif metadata is not None:
            yield {"metaData": _present(metadata)}


def _present(action: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in action.items() if value is not None}


def write_if_due(folder: Path, published: int) -> None:
    """Makes a checkpoint of the newest published version when the last one is old enough."""
    log = folder / "_delta_log"
    last = newest(log, published)
    if published - (-1 if last is None else last) >= EVERY:
        write(folder, published, last)


def write(folder: Path, version: int, last: int | None) -> None:
    """Makes a checkpoint of a published version; `last` is the newest one before it."""
    from deltalake import DeltaTable

    log, work = folder / "_delta_log", folder / "_lockside" / f"checkpoint.{uuid.uuid4()}"
    made = work / "_delta_log"
    made.mkdir(parents=True)
    try:
        _link(log, made, version, last)
        DeltaTable(str(work)).create_checkpoint()
        _leave_out_removed(made, checkpoint_name(version))
        for name in (checkpoint_name(version), LAST):
            sync(made / name)
            os.rename(made / name, log / name)
        sync(log)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _leave_out_removed(made: Path, name: str) -> None:
    """Take the files that are gone from a checkpoint: no reader needs them, and each load can add some.

    delta-rs keeps them for a week; after ten thousand loads reading them is most of what opening costs.
    """
    whole, part = literal(str(made / name)), made / f"{name}.part"
    with duckdb.connect(":memory:", config={"threads": 1}) as connection:
        kept = (
            f"COPY (FROM read_parquet({whole}) WHERE remove IS NULL) TO {literal(str(part))} (FORMAT parquet)"
        )
        ((count,),) = connection.execute(kept).fetchall()
    os.replace(part, made / name)
    told = json.loads((made / LAST).read_bytes()) | {"size": count}
    told.pop("sizeInBytes", None)
    (made / LAST).write_text(json.dumps(told))


def _link(log: Path, made: Path, version: int, last: int | None) -> None:
    names = [entry_name(one) for one in range(0 if last is None else last + 1, version + 1)]
    for name in names if last is None else [checkpoint_name(last), *names]:
        os.link(log / name, made / name)
