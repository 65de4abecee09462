"""The starts that are under way: which token stands for which job, and how far it got."""

from dataclasses import dataclass
from enum import Enum, auto

from locksided.core.jobs import Job


class Phase(Enum):
    """How far a start got, as far as this daemon knows."""

    PREPARING = auto()
    """Its folder is being made; no backend was told. Only a burnt claim stops it for sure."""
    SENT = auto()
    """A backend was told, or has it from before."""
    CONCLUDING = auto()
    """Its outcome is known and on its way to the store."""


@dataclass(slots=True)
class Start:
    """One start of one job."""

    job_id: int
    token: str
    phase: Phase = Phase.PREPARING
    is_simple: bool = False
    """Whether the keeper makes and removes all its folders."""
    is_of_this_boot: bool = True
    """Whether the machine did not boot since."""


@dataclass(frozen=True, slots=True)
class InFlight:
    """A job that the core believes to be running, as needed to find out what became of it."""

    job_id: int
    pool: str
    token: str
    stop_asked: bool
    paused: bool


def in_flight(job: Job) -> InFlight:
    """The record of a started job."""
    run = job.run
    assert run is not None
    assert run.token is not None
    return InFlight(job.id, job.pool.id, run.token, run.stop_asked, run.paused_since_us is not None)
