"""A job's folder through its life: made fresh, handed from step to step, read, cleaned, removed.

Synchronous; called in threads. What lies inside `data`, `tmp` and `cwd` belongs to the job's account and is
only touched as that account.
"""

import json
import os
from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import msgspec
import structlog

from locksided.joblog.reader import write_text
from locksided.keeper.messages import User
from locksided.runs.as_account import Unusable, perform
from locksided.runs.environment import JobContext
from locksided.runs.folder import RunFolder
from locksided.runs.image_run import PID_FILE, Image, kept_images
from locksided.runs.operations import MAX_RESULT_BYTES, ORDER_FILE, RESULT_FILE
from locksided.runs.plan import DataFolder, Step
from locksided.runs.safefs import NotPlain

_PRIVATE, _TRAVERSABLE = 0o700, 0o711
_ASIDE = ".left-"
LONG_LIST_BYTES = 2**20
"""A longer list of failed records is read in a process of its own."""

log = structlog.get_logger("datafolder")


@dataclass(frozen=True, slots=True)
class OutFile:
    """A file of out/ as it was found: its bytes (None without one), or why it cannot be read."""

    content: bytes | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Collected:
    """What a step left behind. `state` and `usage` are None for a step that is not asked for them."""

    state: OutFile | None = None
    usage: OutFile | None = None
    tables: Sequence[Mapping[str, Any]] = ()
    files: Sequence[Mapping[str, Any]] = ()
    artifacts: Sequence[Mapping[str, Any]] = ()
    omitted: Mapping[str, int] = field(default_factory=dict)
    """How many of each kind are not listed, for there are too many."""
    has_orphans: bool = False
    """Whether there are manifests of nothing."""
    image: Image | None = None
    """The one that the step ran in."""
    has_pid: bool = False
    """Whether a container's first process was started."""
    chunks: Sequence[str] = ()
    """The names of the chunks that a splitter made."""
    records: Mapping[str, int] = field(default_factory=dict)
    """The list of failed records as `failed_records.measure` tells of it; empty without one."""


def prepare(
    step: Step, context: JobContext, state: Mapping[str, Any] | None, *, with_empty: bool = True
) -> None:
    """Makes the folder ready for a step: fresh for the first of a row, else with the last output as input.

    `state` is what the last good run left. Without `with_empty` the keeper makes what is named by
    `empty_folders`. Raises `OSError`; the folder can be prepared again after it.
    """
    folder, run_as = context.folder, context.run_as
    is_new = make_root(folder, run_as)
    if with_empty:
        control = folder.control(context.launch, step.index)
        for path in (os.path.dirname(control), control):
            os.makedirs(path, _PRIVATE, exist_ok=True)
    if step.index == 0 and not is_new:
        _remove_what_earlier_runs_left(folder, run_as)
    for path in (folder.tmp, folder.cwd):
        if not is_new:
            _clear_the_way(path, folder.root, run_as)
        if with_empty:
            _make_owned(path, run_as)
    if step.operation is not None or step.execution.image is not None:
        _make_operation_folder(step, context)
    argument = {
        **_spares(context),
        "config": msgspec.json.format(msgspec.json.encode(step.config_file or {}), indent=2).decode(),
        "state": json.dumps(state or {}, ensure_ascii=False) if step.gets_state else None,
        "files": dict(step.files),
    }
    match step.folder:
        case DataFolder.FRESH:
            _remove_note(folder.handed)
            _clear_the_way(folder.data, folder.root, run_as)
            _make_owned(folder.data, run_as)
            perform(folder.data, "fill", argument, run_as)
        case DataFolder.HANDED_ON:
            _hand_on(step, context)
            perform(folder.data, "advance", argument, run_as)
        case DataFolder.AS_LEFT:
            perform(folder.data, "advance", argument, run_as)


def _remove_what_earlier_runs_left(folder: RunFolder, run_as: User | None) -> None:
    for path in _entries(folder.rows):
        _clear_the_way(path, folder.root, run_as)
    with suppress(OSError):
        os.rmdir(folder.rows)
    _discard(folder.debug(None), None)


def _make_operation_folder(step: Step, context: JobContext) -> None:
    """Makes an operation's folder anew, with its order in it, or that of a container's pid file."""
    folder, own = context.folder, context.folder.operation(step.index)
    _clear_the_way(own, folder.root, context.run_as)
    _make_owned(own, context.run_as)
    if step.operation is None:
        return
    order = {
        "operation": step.operation.name,
        "job": str(context.job_id),
        "row": step.row,
        "folders": {"data": folder.data, "rows": folder.rows, "tmp": folder.tmp},
        **(step.order or {}),
    }
    if "log" in order.get("include", ()):
        order["logFile"] = f"{own}-log"
        write_text(folder.log, order["logFile"], context.run_as)
    argument = {"name": ORDER_FILE, "content": json.dumps(order, ensure_ascii=False)}
    perform(own, "write", argument, context.run_as)


def operation_result(step: Step, context: JobContext) -> OutFile:
    """What an operation left in result.json."""
    argument = {"name": RESULT_FILE, "limit": MAX_RESULT_BYTES}
    try:
        return (
            _out_file(perform(context.folder.operation(step.index), "read", argument, context.run_as))
            or OutFile()
        )
    except FileNotFoundError:
        return OutFile()
    except (Unusable, NotPlain) as problem:
        return OutFile(problem=str(problem))


def remove_operations(context: JobContext) -> None:
    """Removes the folders of operations, as far as their account lets them go."""
    for path in _entries(context.folder.root, "operation-"):
        with _tolerated(path):
            _discard(path, context.run_as)


def empty_folders(step: Step, context: JobContext) -> list[str]:
    """The empty folders that a start needs: those that it was not given others for."""
    folders = []
    if step.execution.cwd is None or step.execution.image is not None:
        folders.append(context.folder.cwd)
    if step.has_data or not step.execution.environment:
        folders.append(context.folder.tmp)
    return folders


def _hand_on(step: Step, context: JobContext) -> None:
    """Takes the output of the step before once and for all, however often this step is prepared."""
    note = context.folder.handed
    if _note(note) == str(step.index):
        return
    perform(context.folder.data, "set_aside", None, context.run_as)
    with open(note + ".new", "w", encoding="ascii") as file:
        file.write(str(step.index))
    os.rename(note + ".new", note)


def _note(path: str) -> str | None:
    try:
        with open(path, encoding="ascii") as file:
            return file.read()
    except FileNotFoundError:
        return None


def _remove_note(path: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(path)


def collect(step: Step, context: JobContext, *, is_last: bool = False) -> Collected:
    """Reads what a step left: state and usage of the main component, the outputs of the last of its row.

    `is_last` tells that no step comes after it, since it failed.
    """
    if not step.has_data:
        return Collected()
    wanted = {"files": step.takes_state, "outputs": step.ends_row or is_last, "chunks": step.splits}
    try:
        found = perform(_data_of(step, context.folder), "collect", wanted, context.run_as)
    except (Unusable, NotPlain) as problem:
        unread = OutFile(problem=str(problem)) if step.takes_state else None
        return Collected(state=unread, usage=unread)
    return Collected(
        state=_out_file(found.get("state")),
        usage=_out_file(found.get("usage")),
        tables=found.get("tables", ()),
        files=found.get("files", ()),
        artifacts=found.get("artifacts", ()),
        omitted=found.get("omitted", {}),
        has_orphans=found.get("hasOrphans", False),
        image=kept_images(context.folder).get(step.execution.image_reference or ""),
        has_pid=os.path.lexists(f"{context.folder.operation(step.index)}/{PID_FILE}"),
        chunks=found.get("chunks", ()),
        records=_measured(found.get("recordsBytes"), _data_of(step, context.folder), context.run_as),
    )


def _measured(size_bytes: int | None, data: str, run_as: User | None) -> Mapping[str, int]:
    if size_bytes is None:
        return {}
    try:
        return perform(data, "measure_records", None, run_as, is_long=size_bytes > LONG_LIST_BYTES)
    except (Unusable, NotPlain):
        return {}


def is_finished(context: JobContext) -> bool:
    """Whether nothing is left to remove of a command that left its folders empty; quick, never waits."""
    is_cwd_gone = _is_gone_when_empty(context.folder.cwd)
    return _is_gone_when_empty(context.folder.tmp) and is_cwd_gone


def finish(context: JobContext) -> None:
    """Removes the working folder, tmp/ and all of the data folder but out/ and artifacts/; the log stays.

    What its account cannot remove stays too: it must not keep the job from its end.
    """
    folder, run_as = context.folder, context.run_as
    with _tolerated(folder.data):
        if os.path.isdir(folder.data):
            perform(folder.data, "finish", _spares(context), run_as)
    _remove_note(folder.handed)
    for path in (folder.tmp, folder.cwd):
        with _tolerated(path):
            _discard(path, run_as)


def finish_without_output(context: JobContext) -> None:
    """Removes everything that the run worked with, its output too; snapshots and the log stay."""
    with _tolerated(context.folder.data):
        _discard(context.folder.data, context.run_as)
    finish(context)


def has_state_files(folder: RunFolder) -> bool:
    """Whether a state file is left of a run; quick, never waits."""
    return any(os.path.lexists(f"{path}/out/state.json") for path in (folder.data, *_entries(folder.rows)))


def remove_state_files(context: JobContext) -> None:
    """Removes them."""
    for path in (context.folder.data, *_entries(context.folder.rows)):
        with _tolerated(path), suppress(FileNotFoundError):
            perform(path, "forget_state", None, context.run_as)


def put_aside(step: Step, context: JobContext) -> None:
    """Keeps the data folder of one of several rows under the row's name; the next row gets a fresh one.

    Doing it again changes nothing.
    """
    folder = context.folder
    if not (step.is_of_many_rows and step.has_data and os.path.isdir(folder.data)):
        return
    with _tolerated(folder.data):
        perform(folder.data, "finish", _spares(context), context.run_as)
    os.makedirs(folder.rows, _TRAVERSABLE if context.run_as else _PRIVATE, exist_ok=True)
    os.rename(folder.data, f"{folder.rows}/{step.row}")


def _data_of(step: Step, folder: RunFolder) -> str:
    """Where the step's data folder is: read again after a crash it may have been put aside already."""
    aside = f"{folder.rows}/{step.row}"
    return aside if step.row is not None and not os.path.isdir(folder.data) else folder.data


def make_with_file(folder: RunFolder, name: str, content: str) -> None:
    """Makes a new folder with one file in its data folder, which only the daemon's own account can read."""
    make_root(folder, None)
    os.mkdir(folder.data, _PRIVATE)
    path = f"{folder.data}/{name}"
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(content)


def remove_folder(folder: RunFolder, run_as: User | None) -> None:
    """Removes all that is left of a job, its log included; what its account cannot remove stays."""
    with _tolerated(folder.root):
        for path in (
            *_entries(folder.rows),
            *_entries(folder.root, _ASIDE),
            *_entries(folder.root, "operation-"),
            folder.data,
            folder.tmp,
            folder.cwd,
        ):
            _discard(path, run_as)
        _discard(folder.root, None)


def owner_of(folder: RunFolder) -> User | None:
    """The account that owns what is inside; None for our own, or where nothing is."""
    with suppress(OSError):
        found = os.lstat(folder.tmp)
        return None if found.st_uid == os.geteuid() else User(found.st_uid, found.st_gid)
    return None


def make_root(folder: RunFolder, run_as: User | None) -> bool:
    """The folders that are the daemon's own; another account may pass through them, not look around.

    Answers whether the job's folder is a new one.
    """
    above = os.path.dirname(folder.root)
    is_new = not os.path.isdir(folder.root)
    if is_new:
        if not os.path.isdir(above):
            os.makedirs(above, _PRIVATE, exist_ok=True)
        os.mkdir(folder.root, _PRIVATE)
    for path in (os.path.dirname(above), above, folder.root) if run_as is not None else ():
        os.chmod(path, os.stat(path).st_mode & 0o7777 | _TRAVERSABLE)
    return is_new


def _make_owned(path: str, run_as: User | None) -> None:
    os.mkdir(path, _PRIVATE)
    if run_as is not None:
        os.chown(path, run_as.uid, run_as.gid, follow_symlinks=False)


def _discard(path: str, run_as: User | None) -> None:
    """Removes a folder that stands in one of the daemon's own; its content goes as its owner."""
    if _is_gone_when_empty(path):
        return
    try:
        perform(path, "empty", None, run_as)
        os.rmdir(path)
    except NotPlain:
        os.unlink(path)


def _is_gone_when_empty(path: str) -> bool:
    """Removes a folder that is empty already, which needs nobody's rights but the daemon's."""
    try:
        os.rmdir(path)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _clear_the_way(path: str, root: str, run_as: User | None) -> None:
    """Removes a folder, or moves it aside in the job's own if something in it is not its account's."""
    try:
        _discard(path, run_as)
    except (OSError, Unusable) as error:
        log.warning("cannot be removed", path=path, cause=str(error))
        os.rename(path, f"{root}/{os.path.basename(path)}{_ASIDE}{os.urandom(8).hex()}")


def _entries(path: str, part: str = "") -> list[str]:
    """The entries of a folder that have this in their name; none of one that is not there."""
    with suppress(FileNotFoundError):
        return [f"{path}/{name}" for name in os.listdir(path) if part in name]
    return []


@contextmanager
def _tolerated(path: str) -> Iterator[None]:
    """Lets what a job made of its folder be no reason to fail; the log tells of it."""
    try:
        yield
    except (OSError, Unusable, NotPlain) as error:
        log.warning("cannot be removed", path=path, cause=str(error))


def _spares(context: JobContext) -> dict[str, Any]:
    """Where input folders wait from run to run, which are of one account: others do not hand theirs on."""
    return {"spares": context.folder.spares if context.run_as is None else None}


def _out_file(found: Mapping[str, Any] | None) -> OutFile | None:
    if found is None:
        return None
    content = found.get("content")
    return OutFile(None if content is None else b64decode(content), found.get("problem"))
