"""What the keeper may say, field by field: what is none of it is an error that names the field. No I/O.

Names that are not known here are let through: a newer keeper may say more.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct

from locksided.keeper.logformat import LARGEST_TIME_US

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


class Run(Struct, rename="camel"):
    """A run that the keeper has."""

    token: str
    state: Literal["starting", "running", "stopping", "ended"]
    paused: bool
    pid: Number | None = None
    spawn_time: Time = None
    outcome: Outcome | None = None

    def __post_init__(self) -> None:
        if self.state == "ended" and self.outcome is None:
            raise ValueError("a run that has ended has an outcome")


class Stray(Struct):
    """A process that was left by some job."""

    pid: Number
    name: str


class Hello(Struct):
    """What a keeper says first."""

    pid: Number
    runs: list[Run]
    strays: list[Stray] = []
    version: Number | None = None
    cgroups: bool = False


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


def check_hello(said: Mapping[str, Any]) -> None:
    """Raises msgspec.ValidationError."""
    msgspec.convert(said, Hello)


def check_message(said: Mapping[str, Any]) -> None:
    """Raises msgspec.ValidationError."""
    msgspec.convert(said, Other)
    kind = _KINDS.get(said["op"])
    if kind is not None:
        msgspec.convert(said, kind)


def is_outcome(record: Mapping[str, Any]) -> bool:
    """Whether a record says what became of a run."""
    try:
        msgspec.convert(record, Outcome)
    except msgspec.ValidationError:
        return False
    return True
