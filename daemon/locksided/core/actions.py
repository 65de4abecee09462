"""Actions: what the edges must do after a step is committed, never before."""

from dataclasses import dataclass
from typing import TypeAlias

from locksided.core.pools import Site


@dataclass(frozen=True, slots=True)
class StartStep:
    """Start one step of a job's run under this token, once."""

    job_id: int
    pool: str
    token: str
    launch: int
    step: int
    site: Site | None = None


@dataclass(frozen=True, slots=True)
class CheckProgram:
    """Check whether the job's program exists, and report `ProgramFound` or `CannotStart`."""

    job_id: int
    pool: str
    site: Site | None = None


@dataclass(frozen=True, slots=True)
class StopRun:
    """Stop the whole process tree of the job, or prove that the token was never used."""

    job_id: int
    pool: str
    token: str


@dataclass(frozen=True, slots=True)
class PauseRun:
    """Suspend the job's processes."""

    job_id: int
    pool: str
    token: str


@dataclass(frozen=True, slots=True)
class ResumeRun:
    """Resume the job's processes."""

    job_id: int
    pool: str
    token: str


@dataclass(frozen=True, slots=True)
class CheckCondition:
    """Test a condition with that job's policy and as its user, and report `Checked` with the number."""

    condition: str
    number: int
    job_id: int
    policy: str


@dataclass(frozen=True, slots=True)
class ReachExecutor:
    """Make an executor of this kind available, and report `ExecutorUp` or `ExecutorDown`."""

    executor: str


JobAction: TypeAlias = StartStep | CheckProgram | StopRun | PauseRun | ResumeRun
Action: TypeAlias = JobAction | CheckCondition | ReachExecutor
