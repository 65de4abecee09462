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
    """Accept all these jobs or none, and terminate the jobs in `instead_of` that are live."""

    drafts: tuple[Draft, ...]
    principal: Principal
    final: Mapping[int, Status] = field(default_factory=dict)
    """The status of dependencies that are no longer live."""
    instead_of: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Steering:
    """A request of a user that concerns one job."""

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
    """Change the priority of a job that has not started, or of all unstarted jobs of a container."""

    job_id: int
    priority: int
    principal: Principal


@dataclass(frozen=True, slots=True)
class Amend:
    """Replace a job that never started by another job or tree of jobs.

    The line order stays; so do hold and start time, unless the flags say that those of `draft` apply.
    """

    job_id: int
    draft: Draft
    principal: Principal
    keep_hold: bool = True
    keep_start_time: bool = True


@dataclass(frozen=True, slots=True)
class Wait:
    """A running job starts to wait for others. Refused if that would be a deadlock."""

    waiter_id: int
    job_ids: frozenset[int]
    for_all: bool


@dataclass(frozen=True, slots=True)
class StopWaiting(Wait):
    """The wait has ended."""


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
    """Start no more jobs; running jobs continue."""

    principal: Principal


@dataclass(frozen=True, slots=True)
class Undrain:
    """End the drain: jobs start again."""

    principal: Principal


@dataclass(frozen=True, slots=True)
class DaemonStarted:
    """The daemon has started; this is the first input of its first core."""

    version: str
    pid: int
    boot_id: str


@dataclass(frozen=True, slots=True)
class DaemonStopping:
    """The daemon is about to stop. `why` is the signal's name, `on_stop` what happens to running jobs."""

    why: str
    on_stop: str


@dataclass(frozen=True, slots=True)
class StoreRecovered:
    """The store can be written again; it could not be since `since_us`."""

    cause: str
    since_us: int


@dataclass(frozen=True, slots=True)
class ClockSet:
    """The wall clock was set by `by_us`, which is negative for a step back."""

    by_us: int


@dataclass(frozen=True, slots=True)
class TimePassed:
    """A start time, a pause or another deadline may have come."""


@dataclass(frozen=True, slots=True)
class OfRun:
    """A report of an executor about a run; it is ignored unless `token` is that of the run's current step."""

    job_id: int
    token: str


@dataclass(frozen=True, slots=True)
class StageReached(OfRun):
    """A running job reached a stage of its run."""

    stage: str


@dataclass(frozen=True, slots=True)
class LeaderEnded(OfRun):
    """The step's program has ended but processes of its tree live on. `process` replaces the stored value."""

    exit_us: int
    process: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Spawned(OfRun):
    """The step's process exists. It is reported again after a restart; the repetition changes nothing."""

    process: Mapping[str, Any]
    stage: str = "running"


@dataclass(frozen=True, slots=True)
class RemoteTold(OfRun):
    """The state of a run on a remote engine: `stage` and `why` while it waits, `note` of a problem."""

    remote: Mapping[str, Any]
    stage: str | None = None
    note: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Progressed(OfRun):
    """A running job reported its progress, its numbers of records, and the state of its tables."""

    progress: float | None
    message: str | None
    counts: Mapping[str, int] | None = None
    outputs: Mapping[str, Any] | None = None
    inputs: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class StepEnded(OfRun):
    """A step has ended and the run continues with a later one: that of index `step`, None for the next.

    That step starts when the job has the `tables` (paths); while it waits for them its stage is `stage`.
    """

    tables: tuple[str, ...] = ()
    stage: str = "output_mapping"
    step: int | None = None


@dataclass(frozen=True, slots=True)
class TablesNeeded(OfRun):
    """The first step of a run writes these tables and must not start before the job has them."""

    tables: tuple[str, ...]
    stage: str


@dataclass(frozen=True, slots=True)
class Finished(OfRun):
    """The run ended and its process tree is empty. `values` are columns such as result, usage, kill report.

    `status` is success, warning or error; it is ignored when the job was asked to terminate. `stages` are the
    stages passed at the end and their times. `started` says whether any process existed (an error before the
    first one does not change `starts`). `failure` classifies an error: it decides whether there is another
    attempt. `recovery` has the terms of a matching policy. `children` are the chunks of a successful
    splitter. `stopped_by` is the user who stopped it through its engine.
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
    """The job's program exists, or its existence cannot be determined."""

    job_id: int


@dataclass(frozen=True, slots=True)
class ProgramAwaited:
    """The job's program is being fetched, as `cause` describes; `ProgramFound` or `CannotStart` follows."""

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
    """The owner of the job's processes is gone; whether any of them is alive is not known yet."""


@dataclass(frozen=True, slots=True)
class StepLost(OfRun):
    """The step was lost with its keeper, its process tree is empty, and it may be run again on its own."""


@dataclass(frozen=True, slots=True)
class Lost(OfRun):
    """The machine or keeper died, or the run was preempted; its tree is empty. `recovery`: see `Finished`."""

    values: Mapping[str, Any]
    recovery: RecoveryTerms | None = None
    was_preempted: bool = False


@dataclass(frozen=True, slots=True)
class ExecutorDown:
    """Pools with this kind of executor cannot start anything; if `pools` is not empty, only those."""

    executor: str
    cause: str
    pools: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ExecutorUp:
    """Pools with this kind of executor can start processes again. `capabilities` are what it can do."""

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
