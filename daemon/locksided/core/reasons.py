"""The reasons why a job waits, as data. `explanation` finds them; the edges turn them into sentences."""

from dataclasses import dataclass
from typing import ClassVar

from lockside.documents.enums import Status
from locksided.core.model import Dependency, ReasonKind
from locksided.core.recoveries import CheckResult

R = ReasonKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """The common fields of all reasons. `via` is the blocked ancestor, if it is not the job itself."""

    kind: ClassVar[ReasonKind]
    since_us: int
    via: int | None = None


@dataclass(frozen=True, slots=True)
class Holder:
    """A holder of a lock; `has_survivors` while its processes may have survived their keeper."""

    job_id: int
    is_paused: bool
    has_survivors: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigLock(Reason):
    """The lock does not admit the job (then it has holders), or other jobs are `ahead` of it in its line."""

    kind = R.CONFIG_LOCK
    lock_key: str
    holders: tuple[Holder, ...]
    ahead: int
    has_ancestor: bool

    @property
    def holder_ids(self) -> tuple[int, ...]:
        """The ids of the holders."""
        return tuple(holder.job_id for holder in self.holders)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parallelism(Reason):
    """The running children and those ahead of the job reach the limit of the container."""

    kind = R.PARALLELISM
    container: int
    limit: int
    running: tuple[int, ...]
    ahead: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseOrder(Reason):
    """Earlier phases are not done: their names, or ids, and the jobs in them that are not final."""

    kind = R.PHASE
    phases: tuple[str, ...]
    jobs: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependencies(Reason):
    """Jobs that this job depends on are not final."""

    kind = R.DEPENDENCY
    jobs: tuple[Dependency, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolFull(Reason):
    """Every slot is taken. `ahead` is None unless it was asked for."""

    kind = R.POOL_FULL
    pool: str
    slots: int | None
    running: tuple[int, ...]
    ahead: int | None
    has_ancestor: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolPaused(Reason):
    """A user paused the pool; `by` is None if it has 0 slots."""

    kind = R.POOL_PAUSED
    pool: str
    by: str | None
    comment: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StartTime(Reason):
    """Its start time has not come."""

    kind = R.START_TIME
    at_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Held(Reason):
    """A user holds the job."""

    kind = R.HELD
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery(Reason):
    """The job failed and waits for an external condition; `last` is the result of the last check."""

    kind = R.RECOVERY
    policy: str
    condition: str
    tester: str
    next_check_us: int
    is_checking: bool
    blocked_count: int
    expires_us: int
    last: CheckResult | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Draining(Reason):
    """A user drains the daemon."""

    kind = R.DRAINING
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoExecutor(Reason):
    """The pool cannot start processes."""

    kind = R.NO_EXECUTOR
    pool: str
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoProgram(Reason):
    """The job's program is being checked (`cause` is None) or fetched."""

    kind = R.NO_EXECUTOR
    pool: str
    cause: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreUnavailable(Reason):
    """The store cannot be written."""

    kind = R.STORE_UNAVAILABLE
    cause: str
    remedy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableLock(Reason):
    """Other jobs claimed some of its tables first: `holders` hold theirs, `ahead` others wait as well."""

    kind = R.TABLE_LOCK
    tables: tuple[str, ...]
    holders: tuple[int, ...]
    ahead: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineQueue(Reason):
    """An engine has not found a machine yet. The values are the engine's own; None where it gives none.

    `why` is the reason in words.
    """

    kind = R.ENGINE_QUEUE
    pool: str
    engine: str
    scheduler_job_id: str | None = None
    state: str | None = None
    engine_reason: str | None = None
    why: str = ""
    estimated_start: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceShort(Reason):
    """There is not enough of a resource. `free` is None without limit, `ahead` unless it was asked for.

    `reserved_for` is the job for which the resource is reserved.
    """

    kind = R.RESOURCE
    resource: str
    capacity: int | None
    need: int
    free: int | None
    holders: tuple[int, ...]
    ahead: int | None
    reserved_for: int | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """A live job's status and reasons. `position` counts from 1 among those in line for its pool."""

    status: Status
    reasons: tuple[Reason, ...]
    position: int | None
