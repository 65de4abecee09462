"""The vocabulary of the core: statuses, reasons, job types, and the request for a job (`Draft`).

Values are spelled as on the wire. Nothing here decides anything.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from lockside.documents.enums import Backoff, FailureClass, JobType, OnError, OnLost, Status

MOST_PREEMPTIONS = 20
"""How often a job is requeued because its engine preempted it; losses are counted separately."""


class ReasonKind(StrEnum):
    """Why a job has not started. The first four are caused by other jobs and make it `waiting`.

    Two apply to running jobs: `table_lock`, before the step that writes tables, and `engine_queue`, until an
    engine has found a machine.
    """

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
    TABLE_LOCK = "table_lock"
    RESOURCE = "resource"
    ENGINE_QUEUE = "engine_queue"


BY_OTHER_JOBS = frozenset(
    {ReasonKind.CONFIG_LOCK, ReasonKind.PARALLELISM, ReasonKind.PHASE, ReasonKind.DEPENDENCY}
)


class Condition(StrEnum):
    """What a dependant requires of the job it depends on. Only phases use `phase`."""

    SUCCESS = "success"
    FAILED = "failed"
    FINAL = "final"
    PHASE = "phase"

    def met_by(self, status: Status, on_error: OnError | None = None) -> bool:
        """Return whether a job with that end satisfies the condition.

        `success` accepts warnings, `failed` what `success` does not, `final` all, `phase` tolerated errors.
        """
        match self:
            case Condition.FINAL:
                return True
            case Condition.FAILED:
                return status not in (Status.SUCCESS, Status.WARNING)
            case Condition.PHASE if status is Status.ERROR:
                return on_error is OnError.WARNING
            case Condition.SUCCESS | Condition.PHASE:
                return status in (Status.SUCCESS, Status.WARNING)


RETRIED_BY_DEFAULT = frozenset({FailureClass.APPLICATION, FailureClass.TIMEOUT, FailureClass.LOST})


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """When a failed attempt is followed by another. `max_attempts` includes the first.

    `jitter` is the share (0 to 1) by which a pause may be longer or shorter. With `release_lock` each attempt
    takes the lock by itself, and it is free between attempts.
    """

    max_attempts: int
    delay_us: int = 0
    backoff: Backoff = Backoff.FIXED
    max_delay_us: int | None = None
    jitter: float = 0.0
    on: frozenset[FailureClass] = RETRIED_BY_DEFAULT
    release_lock: bool = False

    def as_data(self) -> dict[str, Any]:
        """Return the policy in its stored form."""
        return {
            "max_attempts": self.max_attempts,
            "delay_us": self.delay_us,
            "backoff": str(self.backoff),
            "max_delay_us": self.max_delay_us,
            "jitter": self.jitter,
            "on": sorted(self.on),
            "release_lock": self.release_lock,
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> "RetryPolicy":
        """Return the policy from its stored form."""
        on = frozenset(map(FailureClass, data["on"]))
        return cls(**{**data, "backoff": Backoff(data["backoff"]), "on": on})


class Program(StrEnum):
    """The state of the program of a job that has not started."""

    PRESENT = "present"
    UNVERIFIED = "unverified"
    """It did not exist when the job was accepted: it is checked again before the job starts."""
    CHECKING = "checking"
    """It is being checked; the job is in no line until the result is reported."""
    AWAITED = "awaited"
    """It is being fetched, which may take long: the job is in no line and takes no slot."""

    @property
    def is_settled(self) -> bool:
        """Return whether a job in this state may be in a line."""
        return self is Program.PRESENT or self is Program.UNVERIFIED


@dataclass(frozen=True, slots=True)
class Dependency:
    """One job that another waits for."""

    job_id: int
    condition: Condition


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller, as reported by the kernel."""

    uid: int
    user: str
    gid: int = 0
    via: str | None = None
    """The delegate that acts as this user."""

    def as_data(self) -> dict[str, Any]:
        """Return the form used in events."""
        data = {"uid": self.uid, "user": self.user, "gid": self.gid}
        return data if self.via is None else {**data, "via": self.via}


@dataclass(frozen=True, slots=True)
class Needs:
    """What a job holds while it runs: slots of its pool, and amounts of resources by their ids."""

    slots: int = 1
    resources: tuple[tuple[str, int], ...] = ()

    def as_data(self) -> dict[str, int]:
        """Return the needs in their stored form."""
        return {"slots": self.slots, **dict(self.resources)}

    @classmethod
    def from_data(cls, data: Mapping[str, int] | None) -> "Needs":
        """Return the needs from their stored form."""
        amounts = dict(data or {})
        return cls(amounts.pop("slots", 1), tuple(sorted(amounts.items())))


NO_NEEDS = Needs()


@dataclass(frozen=True, slots=True)
class Draft:
    """A validated request for one job, with its strong children when it is a container.

    `values` are columns and `blobs` documents by their hash: the core only passes both on. `lock_key` is None
    for a job without a lock; `lock_share` is N of `shared:N`, 0 for an exclusive one. A `held` job waits
    until it is released. `path` is its place in the call, for refusals. Times are microseconds since the
    epoch. `pool` is the first of `pools`, which may be omitted when there is no other.

    `children` are made in the same step, `on_error` says what a child's failure does to its container.
    `parallelism` (of a CONTAINER) limits how many children run at once, None is no limit. `after` (of a
    PHASE) are the indexes among its siblings of the phases that must be done first. `delay_us` counts from
    the start of its container; for a job without one it gave `start_at_us`. A RETRY has a policy and one
    child: the first attempt, the template of all others. `is_program_missing` says that its program does not
    exist yet. `reads` are the keys of the tables that its mappings name. `warnings` are for the caller.
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
    type: JobType = JobType.STANDARD
    on_error: OnError | None = None
    parallelism: int | None = None
    children: tuple["Draft", ...] = ()
    after: tuple[int, ...] = ()
    delay_us: int | None = None
    retry: RetryPolicy | None = None
    is_program_missing: bool = False
    reads: tuple[str, ...] = ()
    pools: tuple[str, ...] = ()
    needs: Needs = NO_NEEDS
    warnings: tuple[str, ...] = ()
