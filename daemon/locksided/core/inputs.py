"""The inputs of the core: requests of callers (imperative) and reports of the edges (past tense)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from lockside.documents.enums import FailureClass, Status
from locksided.core.model import Draft, Principal
from locksided.core.recoveries import RecoveryTerms
from locksided.core.recovery_inputs import RecoveryInput
from locksided.core.resources import ResourceChanged


@dataclass(frozen=True, slots=True)
class Submit:
    """Accept all these jobs or none, and terminate those that they stand `instead_of`, if they live."""

    drafts: tuple[Draft, ...]
    principal: Principal
    final: Mapping[int, Status] = field(default_factory=dict)
    """The status of dependencies that are no longer live."""
    instead_of: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Steering:
    """What somebody asks for on one job."""

    job_id: int
    principal: Principal


@dataclass(frozen=True, slots=True)
class Terminate(Steering):
    """Stop a live job, and its descendants at any depth."""


@dataclass(frozen=True, slots=True)
class Hold(Steering):
    """Hold a job that has not started."""


@dataclass(frozen=True, slots=True)
class Release(Steering):
    """Release a held job."""


@dataclass(frozen=True, slots=True)
class Pause(Steering):
    """Suspend a running job's processes; it keeps its lock and slot."""


@dataclass(frozen=True, slots=True)
class Resume(Steering):
    """Resume a paused job's processes."""


@dataclass(frozen=True, slots=True)
class Reprioritise:
    """Change the priority of a job that has not started, or of what has not started of a container."""

    job_id: int
    priority: int
    principal: Principal


@dataclass(frozen=True, slots=True)
class Amend:
    """Replace a job that never started by another job or tree of jobs.

    It keeps the line order, and hold and start time unless `draft` has its own by these words.
    """

    job_id: int
    draft: Draft
    principal: Principal
    keep_hold: bool = True
    keep_start_time: bool = True


@dataclass(frozen=True, slots=True)
class Wait:
    """A running job begins to wait for others. Refused when that would be a deadlock."""

    waiter_id: int
    job_ids: frozenset[int]
    for_all: bool


@dataclass(frozen=True, slots=True)
class StopWaiting(Wait):
    """That wait is over."""


@dataclass(frozen=True, slots=True)
class PutPool:
    """Create or replace a pool. `slots` None means no limit. `capabilities` are those of its executor."""

    pool_id: str
    slots: int | None
    executor: str
    description: str
    principal: Principal
    options: Mapping[str, Any] = field(default_factory=dict)
    backends: Mapping[str, Any] = field(default_factory=dict)
    capabilities: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class DeletePool:
    """Delete a pool that no live job names."""

    pool_id: str
    principal: Principal


@dataclass(frozen=True, slots=True)
class ChangePools:
    """Create, replace and delete several pools, all or none."""

    puts: tuple[PutPool, ...]
    deletes: tuple[DeletePool, ...]
    principal: Principal


@dataclass(frozen=True, slots=True)
class PausePool:
    """Start no jobs of this pool until it is resumed."""

    pool_id: str
    comment: str | None
    principal: Principal


@dataclass(frozen=True, slots=True)
class ResumePool:
    """Let jobs of this pool start again."""

    pool_id: str
    principal: Principal


@dataclass(frozen=True, slots=True)
class Drain:
    """Start no more jobs; what runs continues."""

    principal: Principal


@dataclass(frozen=True, slots=True)
class Undrain:
    """End the drain: jobs start again."""

    principal: Principal


@dataclass(frozen=True, slots=True)
class DaemonStarted:
    """The daemon runs; the first input of its first core."""

    version: str
    pid: int
    boot_id: str


@dataclass(frozen=True, slots=True)
class DaemonStopping:
    """The daemon is about to end. `why` is the signal's name, `on_stop` what becomes of the jobs that run."""

    why: str
    on_stop: str


@dataclass(frozen=True, slots=True)
class StoreRecovered:
    """The store can be written again; it could not since `since_us`."""

    cause: str
    since_us: int


@dataclass(frozen=True, slots=True)
class ClockSet:
    """The wall clock was set forward, or back (below 0)."""

    by_us: int


@dataclass(frozen=True, slots=True)
class TimePassed:
    """A start time or a pause may have come to its end."""


@dataclass(frozen=True, slots=True)
class OfRun:
    """What an executor reports of a run; it counts while `token` is that of the run's current step."""

    job_id: int
    token: str


@dataclass(frozen=True, slots=True)
class StageReached(OfRun):
    """A running job reached a finer stage of its run."""

    stage: str


@dataclass(frozen=True, slots=True)
class LeaderEnded(OfRun):
    """The step's program has ended and processes of its tree live on. `process` replaces what is stored."""

    exit_us: int
    process: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Spawned(OfRun):
    """The step's process exists. Reported again after a restart: the second time changes nothing."""

    process: Mapping[str, Any]
    stage: str = "running"


@dataclass(frozen=True, slots=True)
class RemoteTold(OfRun):
    """What is known of a run elsewhere: its `stage` and `why` while it waits, and a `note` of trouble."""

    remote: Mapping[str, Any]
    stage: str | None = None
    note: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Progressed(OfRun):
    """A running job reported its progress, how many records it did, and how far its tables are."""

    progress: float | None
    message: str | None
    counts: Mapping[str, int] | None = None
    outputs: Mapping[str, Any] | None = None
    inputs: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class StepEnded(OfRun):
    """A step is over and the run goes on with a later one: that of index `step`, None for the next.

    That one begins when the job has the `tables`, by their paths; while it waits for them it is in `stage`.
    """

    tables: tuple[str, ...] = ()
    stage: str = "output_mapping"
    step: int | None = None


@dataclass(frozen=True, slots=True)
class TablesNeeded(OfRun):
    """The first step of a run writes these tables: it is to begin when the job has them. Nothing began."""

    tables: tuple[str, ...]
    stage: str


@dataclass(frozen=True, slots=True)
class Finished(OfRun):
    """The run ended and its tree is empty. `values` are columns: result, process, usage, kill report …

    `status` is success, warning or error; it does not count when the job was asked to terminate.
    `stages` are the finer stages passed at the end and their times. `started` tells whether any process
    existed (an error before the first one leaves `starts` alone). `failure` classes an error: it decides
    whether there is another attempt. `recovery` is what the policy asks for that matches it. `children` are
    the chunks that a splitter made, which ended well. `stopped_by` is the user who had its engine stop it.
    """

    status: Status
    values: Mapping[str, Any]
    stages: Mapping[str, int] = field(default_factory=dict)
    started: bool = True
    failure: FailureClass | None = None
    recovery: RecoveryTerms | None = None
    children: tuple[Draft, ...] = ()
    stopped_by: str | None = None


@dataclass(frozen=True, slots=True)
class NotStarted(OfRun):
    """It is certain that nothing ran under this token. `cause` is set when the system refused the process."""

    cause: str | None = None


@dataclass(frozen=True, slots=True)
class ProgramFound:
    """The job's program exists, or that cannot be determined."""

    job_id: int


@dataclass(frozen=True, slots=True)
class ProgramAwaited:
    """The job's program is being fetched; `ProgramFound` or `CannotStart` follows. `cause` says what is."""

    job_id: int
    cause: str


@dataclass(frozen=True, slots=True)
class CannotStart:
    """The job's program does not exist. `values` are columns, `failure` classifies the error."""

    job_id: int
    values: Mapping[str, Any]
    failure: FailureClass | None = None


@dataclass(frozen=True, slots=True)
class Orphaned(OfRun):
    """Who owned the job's processes is gone; whether any of them lives is not known yet."""


@dataclass(frozen=True, slots=True)
class StepLost(OfRun):
    """The step was lost with its keeper, its tree is empty, and it may be run again alone."""


@dataclass(frozen=True, slots=True)
class Lost(OfRun):
    """Its machine or keeper died, or it was preempted, and its tree is empty. `recovery` as in `Finished`."""

    values: Mapping[str, Any]
    recovery: RecoveryTerms | None = None
    was_preempted: bool = False


@dataclass(frozen=True, slots=True)
class ExecutorDown:
    """Pools of this kind of executor cannot start anything; with `pools` only those of them."""

    executor: str
    cause: str
    pools: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ExecutorUp:
    """Pools of this kind of executor can start processes again. `capabilities` are what it can do."""

    executor: str
    capabilities: frozenset[str] | None = None


Report: TypeAlias = (
    LeaderEnded
    | StageReached
    | Spawned
    | RemoteTold
    | Progressed
    | StepEnded
    | TablesNeeded
    | Finished
    | NotStarted
    | ProgramAwaited
    | ProgramFound
    | CannotStart
    | Orphaned
    | StepLost
    | Lost
    | ExecutorDown
    | ExecutorUp
    | ResourceChanged
)

Input: TypeAlias = (
    Submit
    | Terminate
    | Hold
    | Release
    | Pause
    | Resume
    | Reprioritise
    | Amend
    | Wait
    | StopWaiting
    | PutPool
    | DeletePool
    | ChangePools
    | PausePool
    | ResumePool
    | DaemonStarted
    | DaemonStopping
    | StoreRecovered
    | Drain
    | Undrain
    | TimePassed
    | ClockSet
    | Report
    | RecoveryInput
)
