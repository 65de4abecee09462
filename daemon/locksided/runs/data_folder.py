"""A job's folder through its life: created, passed from step to step, read, cleaned, removed.

Synchronous; called in threads. The content of `data`, `tmp` and `cwd` belongs to the job's account and is
only accessed as that account.
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
    """A file of out/ as it was found: its bytes (None if missing), or why it cannot be read."""

    content: bytes | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Collected:
    """What a step left behind. `state` and `usage` are None for a step that has none."""

    state: OutFile | None = None
    usage: OutFile | None = None
    tables: Sequence[Mapping[str, Any]] = ()
    files: Sequence[Mapping[str, Any]] = ()
    artifacts: Sequence[Mapping[str, Any]] = ()
    omitted: Mapping[str, int] = field(default_factory=dict)
    """How many of each kind are not listed because there are too many."""
    has_orphans: bool = False
    """Whether there are manifests without a table or a file."""
    image: Image | None = None
    """The image that the step ran in."""
    has_pid: bool = False
    """Whether a container's first process was started."""
    chunks: Sequence[str] = ()
    """The names of the chunks that a splitter made."""
    records: Mapping[str, int] = field(default_factory=dict)
    """The result of `failed_records.measure`; empty without a list of failed records."""


def prepare(
    step: Step, context: JobContext, state: Mapping[str, Any] | None, *, with_empty: bool = True
) -> None:
    """Prepare the folder for a step: empty for the first of a row, else with the last output as input.

    `state` is that of the last successful run. Without `with_empty` the keeper creates the folders of
    `empty_folders`. Raises `OSError`; preparing can be repeated after it.
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
            _remove_or_rename(path, folder.root, run_as)
        if with_empty:
            _make_owned(path, run_as)
    if step.operation is not None or step.execution.image is not None:
        _make_operation_folder(step, context)
    argument = {
        **_reusable_folder(context),
        "config": msgspec.json.format(msgspec.json.encode(step.config_file or {}), indent=2).decode(),
        "state": json.dumps(state or {}, ensure_ascii=False) if step.gets_state else None,
        "files": dict(step.files),
    }
    match step.folder:
        case DataFolder.FRESH:
            _remove_note(folder.handed)
            _remove_or_rename(folder.data, folder.root, run_as)
            _make_owned(folder.data, run_as)
            perform(folder.data, "fill", argument, run_as)
        case DataFolder.HANDED_ON:
            _move_output(step, context)
            perform(folder.data, "advance", argument, run_as)
        case DataFolder.AS_LEFT:
            perform(folder.data, "advance", argument, run_as)


def _remove_what_earlier_runs_left(folder: RunFolder, run_as: User | None) -> None:
    for path in _entries(folder.rows):
        _remove_or_rename(path, folder.root, run_as)
    with suppress(OSError):
        os.rmdir(folder.rows)
    _discard(folder.debug(None), None)


def _make_operation_folder(step: Step, context: JobContext) -> None:
    """Create an operation's folder anew, with its order, or the folder of a container's pid file."""
    folder, own = context.folder, context.folder.operation(step.index)
    _remove_or_rename(own, folder.root, context.run_as)
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
    """Return the result.json that an operation left."""
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
    """Remove the folders of operations, as far as their account permits."""
    for path in _entries(context.folder.root, "operation-"):
        with _tolerated(path):
            _discard(path, context.run_as)


def empty_folders(step: Step, context: JobContext) -> list[str]:
    """Return the empty folders that a start needs, except those replaced by the step's settings."""
    folders = []
    if step.execution.cwd is None or step.execution.image is not None:
        folders.append(context.folder.cwd)
    if step.has_data or not step.execution.environment:
        folders.append(context.folder.tmp)
    return folders


def _move_output(step: Step, context: JobContext) -> None:
    """Take over the output of the previous step once, however often this step is prepared."""
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
    """Read what a step left: state and usage of the main component, the outputs of a row's last step.

    `is_last` says that no step follows because it failed.
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
    """Remove the empty folders of a command; returns whether nothing else is left. Quick, never waits."""
    is_cwd_gone = _removed_if_empty(context.folder.cwd)
    return _removed_if_empty(context.folder.tmp) and is_cwd_gone


def finish(context: JobContext) -> None:
    """Remove the working folder, tmp/ and all of the data folder except out/ and artifacts/; the log stays.

    What the account cannot remove stays as well: it must not prevent the end of the job.
    """
    folder, run_as = context.folder, context.run_as
    with _tolerated(folder.data):
        if os.path.isdir(folder.data):
            perform(folder.data, "finish", _reusable_folder(context), run_as)
    _remove_note(folder.handed)
    for path in (folder.tmp, folder.cwd):
        with _tolerated(path):
            _discard(path, run_as)


def finish_without_output(context: JobContext) -> None:
    """Remove all files of the run, including its output; snapshots and the log stay."""
    with _tolerated(context.folder.data):
        _discard(context.folder.data, context.run_as)
    finish(context)


def has_state_files(folder: RunFolder) -> bool:
    """Return whether a run left a state file; quick, never waits."""
    return any(os.path.lexists(f"{path}/out/state.json") for path in (folder.data, *_entries(folder.rows)))


def remove_state_files(context: JobContext) -> None:
    """Remove the state files of a run."""
    for path in (context.folder.data, *_entries(context.folder.rows)):
        with _tolerated(path), suppress(FileNotFoundError):
            perform(path, "forget_state", None, context.run_as)


def put_aside(step: Step, context: JobContext) -> None:
    """Keep the data folder of one of several rows under the row's name; the next row gets a fresh one.

    Repeating it changes nothing.
    """
    folder = context.folder
    if not (step.is_of_many_rows and step.has_data and os.path.isdir(folder.data)):
        return
    with _tolerated(folder.data):
        perform(folder.data, "finish", _reusable_folder(context), context.run_as)
    os.makedirs(folder.rows, _TRAVERSABLE if context.run_as else _PRIVATE, exist_ok=True)
    os.rename(folder.data, f"{folder.rows}/{step.row}")


def _data_of(step: Step, folder: RunFolder) -> str:
    """Return the step's data folder: after a crash it may already have been moved to the row's place."""
    aside = f"{folder.rows}/{step.row}"
    return aside if step.row is not None and not os.path.isdir(folder.data) else folder.data


def make_with_file(folder: RunFolder, name: str, content: str) -> None:
    """Create a new folder with one file in its data folder, readable only by the daemon's own account."""
    make_root(folder, None)
    os.mkdir(folder.data, _PRIVATE)
    path = f"{folder.data}/{name}"
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(content)


def remove_folder(folder: RunFolder, run_as: User | None) -> None:
    """Remove everything left of a job, including its log; what its account cannot remove stays."""
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
    """Return the account that owns the content; None for our own, or for an empty folder."""
    with suppress(OSError):
        found = os.lstat(folder.tmp)
        return None if found.st_uid == os.geteuid() else User(found.st_uid, found.st_gid)
    return None


def make_root(folder: RunFolder, run_as: User | None) -> bool:
    """Create the daemon's own folders; another account may pass through them but not list them.

    Returns whether the job's folder is new.
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
    """Remove a folder inside one of the daemon's own; its content is removed as its owner."""
    if _removed_if_empty(path):
        return
    try:
        perform(path, "empty", None, run_as)
        os.rmdir(path)
    except NotPlain:
        os.unlink(path)


def _removed_if_empty(path: str) -> bool:
    """Remove a folder if it is empty, which needs only the daemon's own rights."""
    try:
        os.rmdir(path)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _remove_or_rename(path: str, root: str, run_as: User | None) -> None:
    """Remove a folder, or rename it within the job's folder if the account cannot remove everything in it."""
    try:
        _discard(path, run_as)
    except (OSError, Unusable) as error:
        log.warning("cannot be removed", path=path, cause=str(error))
        os.rename(path, f"{root}/{os.path.basename(path)}{_ASIDE}{os.urandom(8).hex()}")


def _entries(path: str, part: str = "") -> list[str]:
    """Return the entries of a folder whose names contain `part`; none if the folder does not exist."""
    with suppress(FileNotFoundError):
        return [f"{path}/{name}" for name in os.listdir(path) if part in name]
    return []


@contextmanager
def _tolerated(path: str) -> Iterator[None]:
    """Log errors caused by what a job did to its folder, without failing."""
    try:
        yield
    except (OSError, Unusable, NotPlain) as error:
        log.warning("cannot be removed", path=path, cause=str(error))


def _reusable_folder(context: JobContext) -> dict[str, Any]:
    """Return the folder for reusing input folders between runs: only those of our own account are."""
    return {"spares": context.folder.spares if context.run_as is None else None}


def _out_file(found: Mapping[str, Any] | None) -> OutFile | None:
    if found is None:
        return None
    content = found.get("content")
    return OutFile(None if content is None else b64decode(content), found.get("problem"))
