"""The operations `import` and `export`: between a table and a file that the caller names."""

import os
import shutil
import uuid
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec

from lockside.documents.reading import from_store
from lockside.documents.staging import SYSTEM
from lockside.documents.storage import InputTable
from locksided.steps.archiving.left_files import LeftFile
from locksided.steps.archiving.sending import Shipment
from locksided.steps.durable import sync, sync_all
from locksided.steps.lake.collection import Collected, sort_in
from locksided.steps.lake.engine import connect
from locksided.steps.lake.input_tables import shown, write_table
from locksided.steps.lake.output import staged
from locksided.steps.lake.sources import Found
from locksided.steps.program import UserFault
from locksided.steps.staging.places import Place
from locksided.steps.staging.retries import Retries
from locksided.steps.staging.sources import Broken, Missing, Refused
from locksided.tables.mapping import Source, loads, settings_of
from locksided.tables.orders import TableOrder


def import_(order: Mapping[str, Any]) -> dict[str, Any]:
    """Stages a load of a file. Raises UserFault with all problems."""
    found = _found(Path(order["parameters"]["path"]))
    collected = Collected()
    for load in loads(Source(None, found.name, {}), order["output"], None, may_stay=False):
        sort_in(collected, load, found, settings_of(order["output"]))
    return staged({**order, "rows": [], "dataTypeSupport": "authoritative"}, collected)


def _found(path: Path) -> Found:
    """The file or folder. Raises UserFault when it cannot be read."""
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
    """Writes a table to a file under another name, and gives it its own when it is whole."""
    parameters = order["parameters"]
    path, is_replaced = Path(parameters["path"]), parameters.get("overwrite", False)
    (entry,) = [from_store(one, InputTable) for one in order["entries"]]
    (table,) = msgspec.convert(order["sources"], list[TableOrder], strict=False)
    system = parameters.get("system")
    place = None if system is None else Place.of(f"{SYSTEM}://{system}/{quote(str(path))}", {}, order)
    if place is None:
        _refuse_taken(path, is_replaced=is_replaced)
    folder = path.parent if place is None else Path(order["folders"]["tmp"])
    draft = folder / f".{path.name[:200]}.{uuid.uuid4().hex}"
    try:
        with connect(order) as connection:
            written = write_table(connection, order, entry, table, draft, may_link=False)
        told = shown(entry, table, written, draft)
        if place is None:
            _place(draft, path, is_replaced=is_replaced)
        else:
            _send(draft, place, order["attempts"], is_replaced=is_replaced)
    except OSError as error:
        raise UserFault(f'"{path}" cannot be written: {error.strerror}.') from None
    finally:
        _remove(draft)
    destination = str(path) if place is None else place.shown
    tables = [{**told, "name": path.name, "destination": destination}]
    return {"message": "", "result": {"input": {"tables": tables, "files": []}}}


def _send(draft: Path, place: Place, attempts: int, *, is_replaced: bool) -> None:
    """Sends a file, or those of a folder, to a place in a system. Raises UserFault and ApplicationFault."""
    files = sorted(draft.iterdir()) if draft.is_dir() else [draft]
    name = "" if draft.is_dir() else place.path.rpartition("/")[2]
    sent = [LeftFile(str(file), name or file.name) for file in files]
    whole = place if draft.is_dir() else replace(place, url=place.url.rpartition("/")[0])
    try:
        if not is_replaced and _is_taken(whole, sent[0].path):
            raise UserFault(f"{place.shown} exists already: use another name, or overwrite.")
        Shipment(place=whole, retries=Retries(place.shown, "written", attempts)).send(sent)
    except Refused as problem:
        raise UserFault(f"{place.shown} cannot be written: {problem}.") from None


def _is_taken(place: Place, name: str) -> bool:
    try:
        with place.connect()() as session:
            session.stamp(f"{place.path}/{name}")
    except (Missing, Broken):
        return False
    return True


def _refuse_taken(path: Path, *, is_replaced: bool) -> None:
    """Raise UserFault for a file that is to stay, and for a folder that has more than a table."""
    if not path.parent.is_dir():
        raise UserFault(f'There is no folder "{path.parent}".')
    if not os.path.lexists(path):
        return
    if not is_replaced:
        raise UserFault(f'"{path}" exists already: use another name, or overwrite.')
    if path.is_dir() and any(not inner.name.endswith(".parquet") for inner in path.iterdir()):
        raise UserFault(f'"{path}" is a folder that has other files than those of a table.')


def _place(draft: Path, path: Path, *, is_replaced: bool) -> None:
    sync_all(sorted(draft.iterdir()) if draft.is_dir() else [draft])
    _refuse_taken(path, is_replaced=is_replaced)
    if path.is_dir():
        shutil.rmtree(path)
    os.rename(draft, path)
    sync(path.parent)


def _remove(draft: Path) -> None:
    if draft.is_dir():
        shutil.rmtree(draft, ignore_errors=True)
    else:
        draft.unlink(missing_ok=True)
