"""An order of the daemon in the forms for an engine and for a runner."""

import os
from typing import Any

from locksided.executors.engine import Order
from locksided.executors.records import Record
from locksided.executors.work_root import WorkRoot
from locksided.keeper import clock, next_step, outcome, remote
from locksided.keeper.messages import User
from locksided.keeper.wire import Message

PYTHON = "python3"
STEP_SECONDS = 60.0
"""How long a runner keeps its machine for the next step, unless the pool sets it."""
RESERVE_SECONDS = 120.0
"""The margin of the engine's time limit over ours and the grace period, so that ours is reached first."""

_OF_THE_ENGINE = (
    "name",
    "comment",
    "options",
    "nodes",
    "cpus",
    "memoryBytes",
    "timeoutSeconds",
    "graceSeconds",
)


class BadPlace(ValueError):
    """The order does not contain the location of the run's files."""


def record_of(message: Message) -> Record:
    """Return the part of an order that is stored. Raises BadPlace."""
    work_root, options = message.get("workRoot"), message.get("options")
    if not isinstance(work_root, str) or not work_root.startswith("/"):
        raise BadPlace("workRoot: an absolute path is expected")
    if not isinstance(options, dict):
        raise BadPlace("options: an object is expected")
    known = {name: message.get(name) for name in (*_OF_THE_ENGINE, "user")}
    name, token = message.get("name"), message["token"]
    return Record(
        token, str(name or f"ls-{token}"), message["folder"], work_root, message.get("logFolder") or "", known
    )


def hand_over(message: Message, record: Record, variables: str) -> None:
    """Write the order for the runner, in folders that the run's user may write to.

    Raises OSError.
    """
    owner = record.owner
    _make_passable(record.work_root, os.path.dirname(record.folder))
    for path in (record.folder, record.log_folder):
        os.makedirs(path, 0o700, exist_ok=True)
        if owner is not None:
            os.chown(path, *owner, follow_symlinks=False)
    given = {name: value for name, value in message.items() if name not in ("op", "options")}
    given |= {"workRoot": record.work_root, "engineVariables": variables}
    if message.get("follows") and int(message.get("nodes") or 1) == 1:  # else all nodes must end for proof
        given["stepSeconds"] = _step_seconds(record)
    remote.write(record.folder, remote.ORDER, given, owner)


def hand_on(message: Message, record: Record) -> bool:
    """Return whether the runner of the previous step was told of this one, and may still be there."""
    before = message.get("after")
    if not isinstance(before, str):
        return False
    try:
        ended_seconds = os.stat(os.path.join(before, outcome.FILE)).st_mtime
        if clock.wall_us() / 1e6 > ended_seconds + _step_seconds(record):
            return False
        remote.write(before, next_step.NEXT, {"control": record.folder}, record.owner)
    except OSError:
        return False
    record.submitted_us = clock.wall_us()
    return True


def _step_seconds(record: Record) -> float:
    return float((record.order.get("options") or {}).get("stepSeconds", STEP_SECONDS))


def _make_passable(work_root: str, folder: str) -> None:
    """Make the folders down to this one traversable, but not readable, for other users.

    Raises OSError.
    """
    path = work_root
    for part in os.path.relpath(folder, work_root).split("/"):
        path = os.path.join(path, part)
        os.makedirs(path, exist_ok=True)
        remote.require_own(path, work_root)
        os.chmod(path, 0o711)  # noqa: S103 - its content is not listable


def engine_order(record: Record, root: WorkRoot) -> Order:
    """Return the order for the engine."""
    asked: dict[str, Any] = record.order
    options = asked.get("options") or {}
    user, limit = asked.get("user"), asked.get("timeoutSeconds")
    return Order(
        record.token,
        record.name,
        str(asked.get("comment") or ""),
        (str(options.get("python") or PYTHON), "-I", root.runner, record.folder),
        record.folder,
        None if user is None or os.geteuid() else User(user["uid"], user["gid"], tuple(user["groups"])),
        options,
        int(asked.get("nodes") or 1),
        asked.get("cpus"),
        asked.get("memoryBytes"),
        None if limit is None else limit + float(asked.get("graceSeconds") or 0) + RESERVE_SECONDS,
    )
