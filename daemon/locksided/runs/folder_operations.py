"""Operations inside a data folder: filling it, passing it from step to step, reading, cleaning.

Each operation takes the descriptor of the open folder and plain values, and returns plain values: it runs
here or in a helper process under the job's account. Standard library only.
"""

import errno
import os
import re
import stat
from binascii import b2a_base64
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from hashlib import sha256
from typing import Any

from locksided.runs import failed_records, spare_inputs
from locksided.runs.debug_zip import pack
from locksided.runs.folder_listing import SUFFIX, artifacts, folders, outputs, size_of
from locksided.runs.safefs import (
    NotPlain,
    clear,
    make_accessible,
    make_folder,
    opened_folder,
    read_file,
    remove,
    write_file,
)

MAX_STATE_BYTES = 2**20
MAX_COMMIT_BYTES = 2**28

_INPUTS = {spare_inputs.NAME: spare_inputs.INSIDE}
_OUTPUTS = {"out": ("tables", "files"), "artifacts": ("in", "out")}
_KEPT = ("out", "artifacts")
ENTRY = re.compile(r"[0-9]{20}\.json")
_HANDED = ".handed-on"


def fill(data_fd: int, argument: Mapping[str, Any]) -> None:
    """Create all folders of an empty data folder, config.json, in/state.json if a state is given, `files`.

    The argument `spares` is the folder of unused input folders, None if none may be used.
    """
    spares = argument["spares"]
    if spares is None or not spare_inputs.take(data_fd, spares):
        _make_folders(data_fd, _INPUTS)
    _make_folders(data_fd, _OUTPUTS)
    _write_inputs(data_fd, argument)


def set_aside(data_fd: int, _argument: Mapping[str, Any]) -> None:
    """Move the step's output to where `advance` finds it; output that is already there stays."""
    try:
        os.lstat(_HANDED, dir_fd=data_fd)
    except FileNotFoundError:
        make_folder("out", data_fd)
        os.rename("out", _HANDED, src_dir_fd=data_fd, dst_dir_fd=data_fd)


def advance(data_fd: int, argument: Mapping[str, Any]) -> None:
    """Make the output that was set aside the next step's input, without its state file.

    Repeating it changes nothing.
    """
    try:
        os.lstat(_HANDED, dir_fd=data_fd)
    except FileNotFoundError:
        pass
    else:
        _remove_or_rename("in", data_fd)
        os.rename(_HANDED, "in", src_dir_fd=data_fd, dst_dir_fd=data_fd)
    with opened_folder(spare_inputs.NAME, data_fd) as input_fd:
        remove(spare_inputs.STATE, input_fd)
    _make_folders(data_fd, {**_INPUTS, **_OUTPUTS})
    _write_inputs(data_fd, argument)


def _remove_or_rename(name: str, data_fd: int) -> None:
    """Remove a folder, or rename it if it contains something that we may not remove."""
    try:
        remove(name, data_fd)
    except OSError:
        os.rename(name, f".left-{name}-{os.urandom(8).hex()}", src_dir_fd=data_fd, dst_dir_fd=data_fd)


def finish(data_fd: int, argument: Mapping[str, Any]) -> None:
    """Remove everything but the outputs; `spares` as in `fill`. Raises OSError after trying everything."""
    spares = argument["spares"]
    if spares is not None:
        spare_inputs.hand_on(data_fd, spares)
    failure: OSError | None = None
    for name in os.listdir(data_fd):
        try:
            if name not in _KEPT:
                remove(name, data_fd)
        except OSError as error:
            failure = error
    if failure is not None:
        raise failure


def forget_state(data_fd: int, _argument: Mapping[str, Any]) -> None:
    """Remove the state that the program wrote."""
    with opened_folder("out", data_fd) as out:
        remove("state.json", out)


def write(folder_fd: int, argument: Mapping[str, Any]) -> None:
    """Write the text `content` to the file `name`."""
    write_file(argument["name"], folder_fd, argument["content"].encode())


def read(folder_fd: int, argument: Mapping[str, Any]) -> dict[str, Any]:
    """Return the `content` of the file `name`, None if there is none; it may have `limit` bytes."""
    try:
        content = read_file(argument["name"], folder_fd, argument["limit"])
    except FileNotFoundError:
        content = None
    return {"content": None if content is None else b2a_base64(content, newline=False).decode()}


def empty(folder_fd: int, _argument: Mapping[str, Any]) -> None:
    """Remove everything in the folder."""
    clear(folder_fd)


def collect(data_fd: int, argument: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a step left: `state` and `usage` as {content | problem}, and the listed outputs.

    The number of listed entries per kind is limited; `omitted` counts the others. `hasOrphans` tells whether
    there are manifests without a table or a file. `argument` selects: `files` for the two files, `outputs`
    for the listing and the size of the list of failed records (`recordsBytes`), `chunks` for the names of
    chunks.
    """
    found: dict[str, Any] = {}
    if argument["files"]:
        found.update(_out_files(data_fd, ("state", "usage")))
    if argument["outputs"]:
        omitted = found["omitted"] = {}
        left, found["hasOrphans"] = outputs(data_fd, ("tables", "files"))
        for name, (listed, more) in left.items():
            found[name], omitted[name] = listed, more
        found["artifacts"], omitted["artifacts"] = artifacts(data_fd)
        found["recordsBytes"] = size_of(data_fd, failed_records.PATH) if found["artifacts"] else None
    if argument.get("chunks"):
        found["chunks"] = folders(data_fd, "out", "chunks")
    return found


def staged(table_fd: int, argument: Mapping[str, Any]) -> dict[str, Any]:
    """Return the `sha256` of the staged commit `name` of a table. Raises FileNotFoundError."""
    with opened_folder("_lockside", table_fd) as inner, opened_folder("staged", inner) as folder:
        content = read_file(argument["name"], folder, MAX_COMMIT_BYTES)
    if content is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), argument["name"])
    return {"sha256": sha256(content).hexdigest()}


def publish(table_fd: int, argument: Mapping[str, Any]) -> dict[str, Any]:
    """Link the staged commit `name` as `entry` into the table's log, once: link(2) is exclusive.

    An existing entry with the content of `sha256` was published before. `is_published` is False if another
    entry has its place.
    """
    with (
        opened_folder("_lockside", table_fd) as inner,
        opened_folder("staged", inner) as staging,
        opened_folder("_delta_log", table_fd) as log,
    ):
        try:
            os.link(
                argument["name"], argument["entry"], src_dir_fd=staging, dst_dir_fd=log, follow_symlinks=False
            )
        except (FileExistsError, FileNotFoundError):
            content = read_file(argument["entry"], log, MAX_COMMIT_BYTES)
            if content is None:
                raise
            if sha256(content).hexdigest() != argument["sha256"]:
                return {"is_published": False}
        os.fsync(log)
        remove(argument["name"], staging)
    return {"is_published": True}


def inspect_log(table_fd: int, argument: Mapping[str, Any]) -> dict[str, Any]:
    """Return the `trouble` of a table with the given `head` and `staged` commits not known to be published.

    `staged` has the name and sha256 of each by its version.
    """
    with opened_folder("_delta_log", table_fd) as log:
        with os.scandir(log) as found:
            files = [one.name for one in found if one.is_file(follow_symlinks=False)]
        entries = {int(name[:20]) for name in files if ENTRY.fullmatch(name)}
        head, staged = argument["head"], {int(one): stored for one, stored in argument["staged"].items()}
        for version, (name, hashed) in sorted(staged.items()):
            if version in entries:
                content = read_file(f"{version:020d}.json", log, MAX_COMMIT_BYTES) or b""
                if sha256(content).hexdigest() != hashed:
                    return _trouble("foreign", version, "was written by another program")
            elif _staged_hash(table_fd, name) != hashed:
                return _trouble("damaged", version, "is neither in its log nor staged as it was")
        above = sorted(version for version in entries if version > head)
        if above and all(_is_of_lake(log, version, argument["lakeId"]) for version in above):
            return _trouble("foreign", above[0], "is not in this database, which is older", is_ours=True)
    if above:
        return _trouble("foreign", above[0], "was written by another program")
    published = min(staged, default=head + 1) - 1
    if published >= 0 and published not in entries:
        return _trouble("damaged", published, "is missing in its log")
    return {"trouble": None}


def _staged_hash(table_fd: int, name: str) -> str | None:
    try:
        found: str = staged(table_fd, {"name": name})["sha256"]
    except FileNotFoundError:
        return None
    return found


def _is_of_lake(log: int, version: int, lake_id: str) -> bool:
    """Return whether an entry of a log was written for this lake, according to its `txn`."""
    content = read_file(f"{version:020d}.json", log, MAX_COMMIT_BYTES) or b""
    return b'"txn":{"appId":"%s"' % lake_id.encode() in content


def read_log(table_fd: int, argument: Mapping[str, Any]) -> dict[str, Any]:
    """Return the newest `version` of a log, None if it has no entries, and whether that version `isOurs`."""
    with opened_folder("_delta_log", table_fd) as log:
        versions = [int(name[:20]) for name in os.listdir(log) if ENTRY.fullmatch(name)]
        if not versions:
            return {"version": None, "isOurs": False}
        newest = max(versions)
        return {"version": newest, "isOurs": _is_of_lake(log, newest, argument["lakeId"])}


def _trouble(kind: str, version: int, cause: str, *, is_ours: bool = False) -> dict[str, Any]:
    trouble = {"kind": kind, "version": version, "cause": f"version {version} {cause}."}
    return {"trouble": trouble | ({"isOurs": True} if is_ours else {})}


def trash(bucket_fd: int, argument: Mapping[str, Any]) -> None:
    """Move the table's folder `name` to the trash of its bucket, under the name `to`.

    If `to` exists, it was moved before: a folder `name` now belongs to another table.
    """
    make_folder(".trash", bucket_fd)
    with opened_folder(".trash", bucket_fd) as fd:
        if argument["to"] in os.listdir(fd):
            return
        with suppress(FileNotFoundError):
            os.rename(argument["name"], argument["to"], src_dir_fd=bucket_fd, dst_dir_fd=fd)
        os.fsync(fd)
    os.fsync(bucket_fd)


def sizes(folder_fd: int, argument: Mapping[str, Any]) -> dict[str, Any]:
    """Return the `sizes` of the plain files `names`. Raises FileNotFoundError and NotPlain."""
    found = [os.lstat(name, dir_fd=folder_fd) for name in argument["names"]]
    if not all(stat.S_ISREG(status.st_mode) for status in found):
        raise NotPlain("what was stored is not a regular file")
    return {"sizes": [status.st_size for status in found]}


def remove_output(data_fd: int, argument: Mapping[str, Any]) -> None:
    """Remove `name` and its manifest from out/tables or the folder of another `kind`."""
    kind = argument.get("kind", "tables")
    with opened_folder("out", data_fd) as out, opened_folder(kind, out) as folder:
        remove(argument["name"], folder)
        remove(argument["name"] + SUFFIX, folder)


OPERATIONS: Mapping[str, Callable[[int, Mapping[str, Any]], dict[str, Any] | None]] = {
    "fill": fill,
    "set_aside": set_aside,
    "advance": advance,
    "finish": finish,
    "forget_state": forget_state,
    "write": write,
    "read": read,
    "empty": empty,
    "collect": collect,
    "measure_records": failed_records.measure,
    "page_of_records": failed_records.page,
    "pack": pack,
    "staged": staged,
    "publish": publish,
    "trash": trash,
    "inspect_log": inspect_log,
    "read_log": read_log,
    "remove_output": remove_output,
    "sizes": sizes,
}


def operate(operation: str, folder_fd: int, argument: Mapping[str, Any]) -> dict[str, Any]:
    """Run an operation in a folder whose owner may have removed its own permissions."""
    make_accessible(".", folder_fd)
    return OPERATIONS[operation](folder_fd, argument) or {}


def _make_folders(data_fd: int, wanted: Mapping[str, Sequence[str]]) -> None:
    for name, inside in wanted.items():
        make_folder(name, data_fd)
        with opened_folder(name, data_fd) as fd:
            for inner in inside:
                make_folder(inner, fd)


def _write_inputs(data_fd: int, argument: Mapping[str, Any]) -> None:
    write_file("config.json", data_fd, argument["config"].encode())
    state = argument["state"]
    files = {**argument.get("files", {}), **({} if state is None else {spare_inputs.STATE: state})}
    if files:
        with opened_folder(spare_inputs.NAME, data_fd) as input_fd:
            for name, content in files.items():
                write_file(name, input_fd, content.encode())


def _out_files(data_fd: int, names: Sequence[str]) -> dict[str, Any]:
    """Return the JSON files of out/ with these names, each as {content} or {problem}."""
    try:
        with opened_folder("out", data_fd) as out:
            return {name: _out_file(out, f"{name}.json") for name in names}
    except FileNotFoundError:
        return {name: {"content": None} for name in names}
    except (NotPlain, PermissionError) as problem:
        return {name: {"problem": f"out/{name}.json cannot be read: {problem}."} for name in names}


def _out_file(out: int, name: str) -> dict[str, Any]:
    try:
        os.lstat(name, dir_fd=out)
        content = read_file(name, out, MAX_STATE_BYTES)
    except FileNotFoundError:
        content = None
    except (NotPlain, PermissionError) as problem:
        return {"problem": f"out/{name} cannot be read: {problem}."}
    return {"content": None if content is None else b2a_base64(content, newline=False).decode()}
