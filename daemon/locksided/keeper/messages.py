"""The messages of the keepers' protocol, with their fields: the keeper writes them, the daemon reads them.

A new field needs a default, so that messages of other releases can still be read. `wire` says which messages
every release understands.
"""

from functools import cache
from typing import Annotated, Any, NamedTuple, get_args, get_origin

from locksided.keeper.log.format import LARGEST_TIME_US


class Range(NamedTuple):
    """The range of a number, both ends included."""

    least: float
    most: float


Time = Annotated[int, Range(0, LARGEST_TIME_US)]
"""Microseconds since the epoch."""
Number = Annotated[int, Range(-(2**53), 2**53)]
Amount = Annotated[float, Range(0, 1e18)]
Size = Annotated[int, Range(0, 2**63 - 1)]


class Exit(NamedTuple):
    """How one process of a pipeline ended: with a code or by a signal."""

    exit_code: Number | None
    signal: Number | None

    @property
    def is_failure(self) -> bool:
        return self.exit_code != 0


class Refusal(NamedTuple):
    """Why nothing was started. `kind` is `burnt`, `claimed`, `system`, `program`, `user` or `cancelled`.

    `cancelled`: somebody took it out of an engine's queue.
    """

    kind: str
    message: str
    errno: Number = 0


class ProcessName(NamedTuple):
    """A process left behind by a run."""

    pid: Number
    name: str


class Signalled(NamedTuple):
    """A process that was signalled."""

    pid: Number
    name: str
    signal: Number
    time: Time | None


class KillReport(NamedTuple):
    """The processes that were signalled. `proof` is the evidence that none is left: `cgroup`, `scan`,
    `engine`, `boot` or `lease`.

    `omitted` is the number of processes that are not listed, because there are too many.
    """

    proof: str
    processes: tuple[Signalled, ...]
    omitted: Number = 0


class LogEnd(NamedTuple):
    """The amount written to the log."""

    next_seq: Number = 0
    bytes: Number = 0
    dropped_bytes: Number = 0


class Outcome(NamedTuple):
    """The outcome of an ended run; None means unknown.

    `gelf_tail` is the last GELF message of level 3 or more urgent, as its owner may see it. The program ended
    at `exit_time`, the last process of its tree at `end_time`. `stopped` is `terminate`, `timeout` or
    `machine`; with `preempted` an engine stopped it for another. `stopped_by` is the user who had its engine
    terminate it, if known. `usage_source` is what was measured: the `cgroup`, or the `processes` that were
    waited for. Only the daemon's reader sets `unreadable`: why it could not use everything that the keeper
    wrote.
    """

    token: str | None = None
    pid: Number | None = None
    exits: tuple[Exit, ...] = ()
    exit_code: Number | None = None
    signal: Number | None = None
    spawn_time: Time | None = None
    exit_time: Time | None = None
    end_time: Time | None = None
    user_seconds: Amount | None = None
    system_seconds: Amount | None = None
    max_rss_bytes: Size | None = None
    usage_source: str | None = None
    stopped: str | None = None
    out_of_memory: bool = False
    lost: bool = False
    refused: Refusal | None = None
    kill_report: KillReport | None = None
    leftovers: tuple[ProcessName, ...] = ()
    stdout_tail: str = ""
    stderr_tail: str = ""
    gelf_tail: str = ""
    progress: dict[str, Any] | None = None
    kept_folders: tuple[str, ...] = ()
    log: LogEnd | None = None
    unreadable: str | None = None
    preempted: bool = False
    stopped_by: str | None = None

    @property
    def is_lost(self) -> bool:
        """Whether its machine or its keeper ended it; False if it ended by itself or on request."""
        return self.lost or self.stopped == "machine"


class KeptRun(NamedTuple):
    """One run in a hello. `state` is `starting`, `running`, `stopping` or, with an outcome, `ended`."""

    token: str
    state: str
    paused: bool = False
    pid: Number | None = None
    start_ticks: Number | None = None
    spawn_time: Time | None = None
    outcome: Outcome | None = None


class Hello(NamedTuple):
    """The first message of every connection. `kind`, `capabilities` and `engine` are those of an executor."""

    version: Number
    pid: Number
    runs: tuple[KeptRun, ...]
    build: str = ""
    start_ticks: Number = 0
    boot_id: str = ""
    cgroups: bool = False
    strays: tuple[ProcessName, ...] = ()
    kind: str = "local"
    capabilities: tuple[str, ...] = ("pause",)
    engine: str | None = None


class Started(NamedTuple):
    """The processes of a run were started."""

    token: str
    pid: Number | None
    spawn_time: Time | None


class Refused(NamedTuple):
    """Nothing was started."""

    token: str
    kind: str
    message: str
    errno: Number = 0


class Ended(NamedTuple):
    """A run has ended, and none of its processes is left."""

    token: str
    outcome: Outcome


class Progress(NamedTuple):
    """The progress reported by a run."""

    token: str
    progress: dict[str, Any]


class LogGrown(NamedTuple):
    """The answer to `watch`: the log has frames before `seq`; `complete` if no more will follow."""

    token: str
    seq: Number
    complete: bool


class Leftovers(NamedTuple):
    """The program of a run has ended, but not all of its processes; they are stopped at `stop_time`."""

    token: str
    processes: tuple[ProcessName, ...]
    pid: Number | None = None
    spawn_time: Time | None = None
    exit_time: Time | None = None
    exit_code: Number | None = None
    signal: Number | None = None
    stop_time: Time | None = None


class Remote(NamedTuple):
    """The state of a run elsewhere, from its executor: the fields of a job's `remote`, and its state as a
    word.

    In `submitting` and `queued` nothing has started. `message` describes trouble, for the readers of its job.
    """

    token: str
    remote: dict[str, Any]
    state: str
    reason: str = ""
    message: str = ""


class Down(NamedTuple):
    """An executor cannot start anything; with `pools`, only in those."""

    cause: str
    pools: tuple[str, ...] = ()


class ListedRun(NamedTuple):
    """A submission in the engine under one of our names; `state` is the engine's word."""

    id: str
    name: str
    state: str


class Listed(NamedTuple):
    """The answer to `list`: submissions in the engine that belong to none of the executor's runs."""

    runs: tuple[ListedRun, ...] = ()


class User(NamedTuple):
    """The account of a run."""

    uid: int
    gid: int
    groups: tuple[int, ...] = ()


class Gelf(NamedTuple):
    """The transport of a run's GELF messages, and their visibilities: a letter for each level, from 0."""

    transport: str
    visibilities: str


class StartOrder(NamedTuple):
    """The daemon's order to start a run; `order` says how the keeper reads it."""

    token: str
    folder: str
    pipeline: list[list[str]]
    cwd: str
    env: dict[str, str]
    log_folder: str
    max_log_bytes: int
    grace_seconds: float
    user: User | None = None
    stop_signal: int = 15
    timeout_seconds: float | None = None
    memory_bytes: int | None = None
    cpus: float | None = None
    leftovers: str = "stop"
    secrets: tuple[str, ...] = ()
    empty_folders: tuple[str, ...] = ()
    spare_folder: str | None = None
    noted_late: bool = False
    umask: int | None = None
    log_mark: dict[str, Any] | None = None
    gelf: Gelf | None = None


class ReapOrder(NamedTuple):
    """The daemon's order to stop what a dead keeper left of a run."""

    token: str
    folder: str
    grace_seconds: float
    stop_signal: int = 15


OPERATIONS: dict[str, type[Any]] = {
    "hello": Hello,
    "started": Started,
    "refused": Refused,
    "ended": Ended,
    "progress": Progress,
    "log": LogGrown,
    "leftovers": Leftovers,
    "remote": Remote,
    "down": Down,
    "listed": Listed,
    "start": StartOrder,
    "reap": ReapOrder,
}
"""The fields of a message by its `op`. Messages with only a token have no type."""

_NAMES = {kind: name for name, kind in OPERATIONS.items()}


@cache
def wire_name(field: str) -> str:
    """Return the name of a field on the wire."""
    first, *others = field.split("_")
    return first + "".join(map(str.capitalize, others))


def to_wire(message: Any) -> dict[str, Any]:
    """Return the JSON object of a message, or of a part of one; an object is returned unchanged."""
    if isinstance(message, dict):
        return message
    kind: Any = type(message)
    names, composed, usual = _layout(kind)
    fields = dict(zip(names, message, strict=True))
    for name in composed:
        if fields[name]:
            fields[name] = _plain(fields[name])
    for name, value in usual:
        if fields[name] is value:
            del fields[name]
    op = _NAMES.get(kind)
    return fields if op is None else {"op": op, **fields}


@cache
def _layout(kind: Any) -> tuple[list[str], list[str], list[tuple[str, Any]]]:
    """Return the names of its fields on the wire, those that may have parts, and the values that are omitted:
    the defaults of an order. Messages of a keeper are complete.
    """
    usual = kind._field_defaults if kind is StartOrder else {}
    return (
        [*map(wire_name, kind._fields)],
        [wire_name(name) for name, hint in kind.__annotations__.items() if _has_parts(hint)],
        [(wire_name(name), value) for name, value in usual.items()],
    )


def _has_parts(hint: Any) -> bool:
    """Return whether a value may be one of these objects, or a list of them."""
    if hasattr(hint, "_fields") or get_origin(hint) is tuple:
        return True
    return get_origin(hint) is not Annotated and any(map(_has_parts, get_args(hint)))


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return to_wire(value) if hasattr(value, "_fields") else [_plain(one) for one in value]
    return value
