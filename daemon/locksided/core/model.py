"""The words of the core: statuses, reasons, job types, and what a job is asked to be (`Draft`).

Values are the wire's words. Nothing here decides anything.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Status(StrEnum):
    """Where a job stands. The last five are final."""

    CREATED = "created"
    WAITING = "waiting"
    PROCESSING = "processing"
    TERMINATING = "terminating"
    SUCCESS = "success"
    WARNING = "warning"
    ERROR = "error"
    CANCELLED = "cancelled"
    TERMINATED = "terminated"


class JobType(StrEnum):
    """What a job stands for: work of its own, or its children's."""

    STANDARD = "standard"
    CONTAINER = "container"
    PHASE = "phaseContainer"
    ORCHESTRATION = "orchestrationContainer"
    RETRY = "retryContainer"


class ReasonKind(StrEnum):
    """Why a job has not started. The first four come from other jobs and make it `waiting`."""

    CONFIG_LOCK = "config_lock"
    PARALLELISM = "parallelism"
    PHASE = "phase"
    DEPENDENCY = "dependency"
    POOL_FULL = "pool_full"
    POOL_PAUSED = "pool_paused"
    START_TIME = "start_time"
    HELD = "held"
    RECOVERY = "recovery"
    DRAINING = "draining"
    NO_EXECUTOR = "no_executor"
    STORE_UNAVAILABLE = "store_unavailable"


BY_OTHER_JOBS = frozenset(
    {ReasonKind.CONFIG_LOCK, ReasonKind.PARALLELISM, ReasonKind.PHASE, ReasonKind.DEPENDENCY}
)


class Condition(StrEnum):
    """What a dependant asks of the job that it depends on."""

    SUCCESS = "success"
    FINAL = "final"

    def met_by(self, status: Status) -> bool:
        """Whether that final status meets it: `success` takes warnings, `final` takes anything."""
        return self is Condition.FINAL or status in (Status.SUCCESS, Status.WARNING)


class OnLost(StrEnum):
    """What becomes of a job that was lost with its machine or keeper."""

    REQUEUE = "requeue"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Dependency:
    """One job that another waits for."""

    job_id: int
    condition: Condition


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asked, as the kernel reports it."""

    uid: int
    user: str
    gid: int = 0

    def as_data(self) -> dict[str, Any]:
        """The form that events carry."""
        return {"uid": self.uid, "user": self.user, "gid": self.gid}


@dataclass(frozen=True, slots=True)
class Draft:
    """A checked request for one standard job. `values` are columns and `blobs` documents by their hash: the
    core only passes both on.

    `lock_key` is None for a job without a lock; `lock_share` is N of `shared:N`, 0 for an exclusive one.
    `held` keeps it back until released. `path` is where it stands in the call, for refusals. Times are
    microseconds since the epoch.
    """

    project: str
    owner_uid: int
    pool: str
    priority: int = 0
    lock_key: str | None = None
    lock_share: int = 0
    start_at_us: int | None = None
    held: bool = False
    depends_on: tuple[Dependency, ...] = ()
    parent_id: int | None = None
    on_lost: OnLost = OnLost.REQUEUE
    values: Mapping[str, Any] = field(default_factory=dict)
    blobs: tuple[tuple[str, bytes], ...] = ()
    path: str = "$"


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that keeps a job back. `details` are those of its kind, in the wire's names and units."""

    kind: ReasonKind
    since_us: int
    message: str
    unblock: str
    details: Mapping[str, Any]
