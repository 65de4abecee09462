"""The operations `import` and `export`: between a table and a file named by the caller."""

import os
import shutil
import uuid
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from lockside.documents.reading import from_store
from lockside.documents.storage import InputTable
from locksided.steps.durable import sync, sync_all
from locksided.steps.lake.collection import Collected, sort_in
from locksided.steps.lake.engine import connect
from locksided.steps.lake.input_tables import shown, write_table
from locksided.steps.lake.output import staged
from locksided.steps.lake.sources import Found
from locksided.steps.program import UserFault
from locksided.tables.mapping import Source, loads, settings_of
from locksided.tables.orders import TableOrder


def import_(order: Mapping[str, Any]) -> dict[str, Any]:
    """Stage a load of a file. Raises UserFault with all problems."""
    found = _found(Path(order["parameters"]["path"]))
    collected = Collected()
    for load in loads(Source(None, found.name, {}), order["output"], None, may_stay=False):
        sort_in(collected, load, found, settings_of(order["output"]))
    return staged({**order, "rows": [], "dataTypeSupport": "authoritative"}, collected)


def _found(path: Path) -> Found:
    """Return the file or folder. Raises UserFault if it cannot be read."""
    try:
        real = path.resolve(strict=True)
        is_folder = real.is_dir()
        os.close(os.open(real, os.O_RDONLY | os.O_NONBLOCK))
    except OSError as error:
        raise UserFault(f'"{path}" cannot be read: {error.strerror}.') from None
    if not is_folder and not real.is_file():
        raise UserFault(f'"{path}" is neither a file nor a folder.')
    return Found(path.name, real, is_folder, {})


def export(order: Mapping[str, Any]) -> dict[str, Any]:
    """Write a table to a temporary file, and rename it when it is complete."""
    parameters = order["parameters"]
    if "system" in parameters:
        from locksided.steps.lake.sending import send  # its modules would slow the start of every step

        return _exported(order, Path(order["folders"]["tmp"]), partial(send, order))
    path, is_replaced = Path(parameters["path"]), parameters.get("overwrite", False)
    _refuse_taken(path, is_replaced=is_replaced)
    try:
        return _exported(order, path.parent, partial(_place, path, is_replaced=is_replaced))
    except OSError as error:
        raise UserFault(f'"{path}" cannot be written: {error.strerror}.') from None


def _exported(order: Mapping[str, Any], folder: Path, placed: Callable[[Path], str]) -> dict[str, Any]:
    """Write a table to a draft in this folder; `placed` moves it to its destination, and returns that."""
    path = Path(order["parameters"]["path"])
    (entry,) = [from_store(one, InputTable) for one in order["entries"]]
    (table,) = msgspec.convert(order["sources"], list[TableOrder], strict=False)
    draft = folder / f".{path.name[:200]}.{uuid.uuid4().hex}"
    try:
        with connect(order) as connection:
            written = write_table(connection, order, entry, table, draft, may_link=False)
        entry_shown = {**shown(entry, table, written, draft), "name": path.name, "destination": placed(draft)}
    finally:
        _remove(draft)
    return {"message": "", "result": {"input": {"tables": [entry_shown], "files": []}}}


def _refuse_taken(path: Path, *, is_replaced: bool) -> None:
    """Raise UserFault if the path must not be replaced, or is a folder with other files than a table's."""
    if not path.parent.is_dir():
        raise UserFault(f'There is no folder "{path.parent}".')
    if not os.path.lexists(path):
        return
    if not is_replaced:
        raise UserFault(f'"{path}" exists already: use another name, or overwrite.')
    if path.is_dir() and any(not inner.name.endswith(".parquet") for inner in path.iterdir()):
        raise UserFault(f'"{path}" is a folder that has other files than those of a table.')


def _place(path: Path, draft: Path, *, is_replaced: bool) -> str:
    sync_all(sorted(draft.iterdir()) if draft.is_dir() else [draft])
    _refuse_taken(path, is_replaced=is_replaced)
    if path.is_dir():
        shutil.rmtree(path)
    os.rename(draft, path)
    sync(path.parent)
    return str(path)


def _remove(draft: Path) -> None:
    if draft.is_dir():
        shutil.rmtree(draft, ignore_errors=True)
    else:
        draft.unlink(missing_ok=True)
