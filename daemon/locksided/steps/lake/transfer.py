"""The operations `import` and `export`: between a table and a file that the caller names."""

import os
import shutil
import uuid
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec

from lockside.documents.reading import from_store
from lockside.documents.staging import SYSTEM
from lockside.documents.storage import InputTable
from locksided.steps.archiving.archive import Shipment
from locksided.steps.archiving.left_files import LeftFile
from locksided.steps.durable import sync, sync_all
from locksided.steps.lake.collection import Collected, sort_in
from locksided.steps.lake.engine import connect
from locksided.steps.lake.input_tables import shown, write_table
from locksided.steps.lake.output import staged
from locksided.steps.lake.sources import Found
from locksided.steps.program import ApplicationFault, UserFault
from locksided.steps.staging.places import Place
from locksided.steps.staging.remote import refuse_outside
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
    if "system" in parameters:
        return _to_system(order, parameters["system"], path, is_replaced=is_replaced)
    draft = path.with_name(f".{path.name[:200]}.{uuid.uuid4().hex}")
    try:
        _refuse_taken(path, is_replaced=is_replaced)
        told = _written(order, draft)
        _place(draft, path, is_replaced=is_replaced)
    except OSError as error:
        raise UserFault(f'"{path}" cannot be written: {error.strerror}.') from None
    finally:
        _remove(draft)
    return _answer(told, path.name, str(path))


def _written(order: Mapping[str, Any], draft: Path) -> dict[str, Any]:
    """Writes what is wanted of the table; returns what is told of it."""
    (entry,) = [from_store(one, InputTable) for one in order["entries"]]
    (table,) = msgspec.convert(order["sources"], list[TableOrder], strict=False)
    with connect(order) as connection:
        written = write_table(connection, order, entry, table, draft, may_link=False)
    return shown(entry, table, written, draft)


def _answer(told: Mapping[str, Any], name: str, destination: str) -> dict[str, Any]:
    tables = [{**told, "name": name, "destination": destination}]
    return {"message": "", "result": {"input": {"tables": tables, "files": []}}}


def _to_system(order: Mapping[str, Any], system: str, path: Path, *, is_replaced: bool) -> dict[str, Any]:
    """Writes a table in the step's own folder and sends it. Raises UserFault and ApplicationFault."""
    place = Place.of(f"{SYSTEM}://{system}/{quote(str(path))}", {}, order)
    root = Place.of(f"{SYSTEM}://{system}", {}, order)
    draft = Path(order["folders"]["tmp"]) / path.name
    try:
        _make_room(place, is_folder=order["parameters"]["format"] == "parquet", is_replaced=is_replaced)
        told = _written(order, draft)
        parts = sorted(draft.iterdir()) if draft.is_dir() else [draft]
        files = [LeftFile(str(part), str(path.parent / part.relative_to(draft.parent))) for part in parts]
        Shipment(root, "", "", Retries(place.shown, "exported", order["attempts"])).send_alone(files)
    except Refused as problem:
        raise UserFault(f"{place.shown} could not be exported: {problem}") from None
    except (Broken, OSError) as problem:
        raise ApplicationFault(f"{place.shown} could not be exported: {problem}") from None
    return _answer(told, path.name, place.shown)


def _make_room(place: Place, *, is_folder: bool, is_replaced: bool) -> None:
    """Removes the files of an earlier export into a folder. Raises UserFault for what is to stay."""
    with suppress(Missing), place.connect()() as session:
        refuse_outside(session, place.path, place.root)
        if not is_folder:
            session.stamp(place.path)
        found = [f"{place.path}/{name}" for name in session.names(place.path)] if is_folder else []
        if not is_replaced and (found or not is_folder):
            raise UserFault(f'"{place.shown}" exists already: use another name, or overwrite.')
        if any(not path.endswith(".parquet") for path in found):
            raise UserFault(f'"{place.shown}" is a folder that has other files than those of a table.')
        for path in found:
            session.remove(path)


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
