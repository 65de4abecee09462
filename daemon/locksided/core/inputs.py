"""What can happen to the core: what callers ask for, and what the edges report. Past tense for reports."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from lockside.documents.enums import FailureClass, Status
from locksided.core.model import Draft, Principal


@dataclass(frozen=True, slots=True)
class Submit:
    """Accept all these jobs or none. `final` gives the status of dependencies that are no longer live."""

    drafts: tuple[Draft, ...]
    principal: Principal
    final: Mapping[int, Status] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Terminate:
    """Stop a live job, and its descendants at any depth."""

    job_id: int
    principal: Principal


@dataclass(frozen=True, slots=True)
class Hold:
    """Keep a job back that has not started."""

    job_id: int
    principal: Principal


@dataclass(frozen=True, slots=True)
class Release:
    """Let a held job go."""

    job_id: int
    principal: Principal


@dataclass(frozen=True, slots=True)
class Pause:
    """Let a running job's processes stand still; lock and slot stay."""

    job_id: int
    principal: Principal


@dataclass(frozen=True, slots=True)
class Resume:
    """Let a paused job's processes go on."""

    job_id: int
    principal: Principal


@dataclass(frozen=True, slots=True)
class Reprioritise:
    """Give a job that has not started, or what has not started of a container, another place in line."""

    job_id: int
    priority: int
    principal: Principal


@dataclass(frozen=True, slots=True)
class Amend:
    """Put another job, or tree of jobs, in the place of one that never started.

    It keeps the line order, and hold and start time unless `draft` has its own by these words.
    """

    job_id: int
    draft: Draft
    principal: Principal
    keep_hold: bool = True
    keep_start_time: bool = True


@dataclass(frozen=True, slots=True)
class Wait:
    """A running job begins to wait for others. Refused when none of them could go on before it does."""

    waiter_id: int
    job_ids: frozenset[int]
    for_all: bool


@dataclass(frozen=True, slots=True)
class StopWaiting:
    """That wait is over."""

    waiter_id: int
    job_ids: frozenset[int]
    for_all: bool


@dataclass(frozen=True, slots=True)
class PutPool:
    """Make or replace a pool. `slots` None means no limit."""

    pool_id: str
    slots: int | None
    executor: str
    description: str
    principal: Principal


@dataclass(frozen=True, slots=True)
class DeletePool:
    """Remove a pool that no live job names."""

    pool_id: str
    principal: Principal


@dataclass(frozen=True, slots=True)
class ChangePools:
    """Make, replace and remove several pools, all or none."""

    puts: tuple[PutPool, ...]
    deletes: tuple[DeletePool, ...]
    principal: Principal


@dataclass(frozen=True, slots=True)
class PausePool:
    """Nothing of this pool starts until it is resumed."""

    pool_id: str
    comment: str | None
    principal: Principal


@dataclass(frozen=True, slots=True)
class ResumePool:
    """Its jobs may start again."""

    pool_id: str
    principal: Principal


@dataclass(frozen=True, slots=True)
class Drain:
    """Nothing starts any more; what runs goes on."""

    principal: Principal


@dataclass(frozen=True, slots=True)
class Undrain:
    """Jobs start again."""

    principal: Principal


@dataclass(frozen=True, slots=True)
class ClockSet:
    """The wall clock was set, forward or back (below 0), while durations went on as ever."""

    by_us: int


@dataclass(frozen=True, slots=True)
class TimePassed:
    """Look at the clock: a start time or a pause may be over."""


@dataclass(frozen=True, slots=True)
class StageReached:
    """A running job reached a finer stage of its run."""

    job_id: int
    token: str
    stage: str


@dataclass(frozen=True, slots=True)
class Spawned:
    """The step's process exists. Reported again after a restart: the second time changes nothing."""

    job_id: int
    token: str
    process: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Progressed:
    """A running job told how far it is."""

    job_id: int
    token: str
    progress: float | None
    message: str | None


@dataclass(frozen=True, slots=True)
class StepEnded:
    """One step ended well and its run goes on with the next."""

    job_id: int
    token: str


@dataclass(frozen=True, slots=True)
class Finished:
    """The run ended and its tree is empty. `values` are columns: result, process, usage, kill report …

    `status` is success, warning or error; it does not count when the job was asked to terminate.
    `stages` are the finer stages passed at the end and their times. `started` tells whether any process
    existed (an error before the first one leaves `starts` alone). `failure` classes an error: it decides
    whether there is another attempt.
    """

    job_id: int
    token: str
    status: Status
    values: Mapping[str, Any]
    stages: Mapping[str, int] = field(default_factory=dict)
    started: bool = True
    failure: FailureClass | None = None


@dataclass(frozen=True, slots=True)
class NotStarted:
    """It is proved that nothing ran under this token. `cause` is set when the machine refused the process."""

    job_id: int
    token: str
    cause: str | None = None


@dataclass(frozen=True, slots=True)
class ProgramFound:
    """What the job needs to start is there, or nobody can tell."""

    job_id: int


@dataclass(frozen=True, slots=True)
class CannotStart:
    """What the job needs to start is not there. `values` are columns, `failure` classes the error."""

    job_id: int
    values: Mapping[str, Any]
    failure: FailureClass | None = None


@dataclass(frozen=True, slots=True)
class KeeperDied:
    """The job's keeper is gone; whether its tree is empty is not known yet."""

    job_id: int
    token: str


@dataclass(frozen=True, slots=True)
class Lost:
    """The job's machine or keeper died under it and its tree is empty."""

    job_id: int
    token: str
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ExecutorDown:
    """Pools of this kind of executor cannot start anything."""

    executor: str
    cause: str


@dataclass(frozen=True, slots=True)
class ExecutorUp:
    """They can again."""

    executor: str


Report: TypeAlias = (
    StageReached
    | Spawned
    | Progressed
    | StepEnded
    | Finished
    | NotStarted
    | ProgramFound
    | CannotStart
    | KeeperDied
    | Lost
    | ExecutorDown
    | ExecutorUp
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
    | Drain
    | Undrain
    | TimePassed
    | ClockSet
    | Report
)
