"""Reads what a keeper says, of whatever release: every message is checked here, and nowhere else.

Fields that are not known here are passed over: a newer keeper may say more. What a job can put into a message
must not cost others anything, so an outcome that cannot be read is handed on as one that says so, in
`unreadable`. No I/O.
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import Annotated, Any, Final, Literal

import msgspec
import structlog
from msgspec import Meta, Struct

from locksided.actors.rawjson import NotWhole, items, members
from locksided.keeper import build, wire
from locksided.keeper.logformat import LARGEST_TIME_US
from locksided.keeper.strictjson import is_deeper

VERSION = wire.VERSION
BUILD = build.fingerprint()
"""Of the keeper that is installed, when this daemon started."""
MAX_DEPTH: Final = 128

log = structlog.get_logger("keeper")

Time = Annotated[int, Meta(ge=0, le=LARGEST_TIME_US)] | None
Number = Annotated[int, Meta(ge=-(2**53), le=2**53)]
Amount = Annotated[float, Meta(ge=0, le=1e18)]


class Signalled(Struct):
    """A process that was signalled, as a kill report has it."""

    pid: Number
    name: str
    signal: Number
    time: Time


class KillReport(Struct):
    """Why no process is left."""

    proof: str
    processes: list[Signalled]


class Refused(Struct):
    """Why nothing was started."""

    kind: str
    message: str


class LogEnd(Struct, rename="camel"):
    """How much was written."""

    next_seq: Number = 0


class Outcome(Struct, rename="camel"):
    """What is known of a run that has ended; what is missing is not known."""

    token: str | None = None
    pid: Number | None = None
    exit_code: Number | None = None
    signal: Number | None = None
    spawn_time: Time = None
    exit_time: Time = None
    user_seconds: Amount = 0.0
    system_seconds: Amount = 0.0
    max_rss_bytes: Amount = 0.0
    stopped: str | None = None
    out_of_memory: bool = False
    lost: bool = False
    refused: Refused | None = None
    kill_report: KillReport | None = None
    stdout_tail: str = ""
    stderr_tail: str = ""
    progress: dict[str, Any] | None = None
    log: LogEnd | None = None


class KeptRun(Struct, frozen=True, rename="camel"):
    """One start that a keeper has: it lives, or its outcome is not acknowledged yet."""

    token: str
    state: Literal["starting", "running", "stopping", "ended"]
    paused: bool = False
    pid: Number | None = None
    spawn_time: Time = None
    outcome: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        if self.state == "ended" and self.outcome is None:
            raise ValueError("a run that has ended has an outcome")
        if self.outcome is not None:
            msgspec.convert(self.outcome, Outcome)


class Stray(Struct, frozen=True):
    """A process that was left by some job."""

    pid: Number
    name: str


class Hello(Struct, frozen=True, rename="camel"):
    """A keeper's hello."""

    version: Number
    pid: Number
    runs: tuple[KeptRun, ...]
    build: str = ""
    cgroups: bool = False
    strays: tuple[Stray, ...] = ()


class Started(Struct, rename="camel"):
    """A process exists."""

    token: str
    pid: Number | None
    spawn_time: Time


class NotStarted(Refused, kw_only=True):
    """Nothing was started."""

    token: str


class Ended(Struct):
    """A run has ended."""

    token: str
    outcome: Outcome


class Progress(Struct):
    """What a job says of itself."""

    token: str
    progress: dict[str, Any]


class Other(Struct):
    """Whatever else it says, of a run or of none."""

    op: str
    token: str | None = None


_KINDS: Final[dict[str, type[Struct]]] = {
    "started": Started,
    "refused": NotStarted,
    "ended": Ended,
    "progress": Progress,
}


def read_hello(line: bytes) -> Hello:
    """The hello on a line. What cannot be read of one run is that run's loss alone. Raises ValueError."""
    with suppress(ValueError):
        return msgspec.convert(_decoded(line), Hello)
    parts = members(line)
    runs = [run for raw in items(parts.pop("runs", b"")) if (run := _read_run(raw)) is not None]
    return msgspec.convert({**_readable(Hello, parts), "runs": runs}, Hello)


def read_message(line: bytes) -> dict[str, Any]:
    """Any other message. One that tells the end of a run and cannot be read becomes an `ended` that says so.

    Raises ValueError for any other line that cannot be read.
    """
    try:
        message: dict[str, Any] = _decoded(line)
        check_message(message)
    except ValueError as problem:
        parts = members(line)
        said = _readable(Other, parts)
        token = said.get("token")
        if said.get("op") not in ("ended", "refused") or token is None:
            raise
        return {"op": "ended", "token": token, "outcome": _unreadable(parts.get("outcome"), token, problem)}
    return message


def read_outcome(record: bytes) -> dict[str, Any] | None:
    """The outcome that a keeper wrote down; None for a record that was not written to its end."""
    try:
        outcome: dict[str, Any] = _decoded(record)
        msgspec.convert(outcome, Outcome)
    except ValueError as problem:
        with suppress(NotWhole):
            members(record)
            return _unreadable(record, None, problem)
        return None
    return outcome


def check_message(said: Mapping[str, Any]) -> None:
    """Raises msgspec.ValidationError."""
    msgspec.convert(said, Other)
    kind = _KINDS.get(said["op"])
    if kind is not None:
        msgspec.convert(said, kind)


def _read_run(raw: bytes) -> KeptRun | None:
    """One run of a hello; None, and logged, when not even its token can be read."""
    try:
        parts = members(raw)
        known = _readable(KeptRun, parts)
        token = known["token"]
    except (NotWhole, KeyError) as problem:
        log.error("the keeper told of a run that cannot be read", cause=str(problem), run=raw[:200])
        return None
    outcome = parts.get("outcome", b"null")
    try:
        return msgspec.convert({"state": "running" if outcome == b"null" else "ended", **known}, KeptRun)
    except ValueError:
        return KeptRun(token, "ended", outcome=_unreadable(outcome, token, _problem_of(outcome)))


def _problem_of(outcome: bytes) -> ValueError:
    """Why an outcome cannot be used."""
    try:
        msgspec.convert(_decoded(outcome), Outcome)
    except ValueError as problem:
        return problem
    raise AssertionError("it can be used")


def _unreadable(raw: bytes | None, token: str | None, problem: ValueError) -> dict[str, Any]:
    """An outcome with what can be read of it, and why that is not all."""
    known: dict[str, Any] = {}
    with suppress(NotWhole):
        known = _readable(Outcome, members(raw or b"{}"))
    return {"token": token, **known, "unreadable": str(problem)}


def _readable(kind: type[Struct], parts: Mapping[str, bytes]) -> dict[str, Any]:
    """The members that are what that kind of object has under their names."""
    found = {}
    for field in msgspec.structs.fields(kind):
        with suppress(ValueError, KeyError):
            value = _decoded(parts[field.encode_name])
            msgspec.convert(value, field.type)
            found[field.encode_name] = value
    return found


def _decoded(text: bytes) -> Any:
    """Raises ValueError."""
    if is_deeper(text, MAX_DEPTH):
        raise ValueError(f"it is nested deeper than {MAX_DEPTH} levels")
    return msgspec.json.decode(text)
