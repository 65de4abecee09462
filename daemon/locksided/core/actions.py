"""What the edges are to do once a step is saved. Imperatives; none of them is done before the commit."""

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class StartStep:
    """Start one step of a job's run under this token, once."""

    job_id: int
    pool: str
    token: str
    launch: int
    step: int


@dataclass(frozen=True, slots=True)
class SeekProgram:
    """See whether what the job needs to start is there, and report it found or not."""

    job_id: int
    pool: str


@dataclass(frozen=True, slots=True)
class StopRun:
    """Stop the job's process tree for sure, or prove that the token was never used."""

    job_id: int
    pool: str
    token: str


@dataclass(frozen=True, slots=True)
class PauseRun:
    """Let the job's processes stand still."""

    job_id: int
    pool: str
    token: str


@dataclass(frozen=True, slots=True)
class ResumeRun:
    """Let the job's processes go on."""

    job_id: int
    pool: str
    token: str


Action: TypeAlias = StartStep | SeekProgram | StopRun | PauseRun | ResumeRun
