"""What is known of the starts that are under way: which token stands for which job, and how far it got."""

from dataclasses import dataclass
from enum import Enum, auto

from locksided.actors.keeper_link import KeeperLink
from locksided.core.jobs import Job


class Phase(Enum):
    """How far a start got, as far as this daemon knows."""

    PREPARING = auto()
    """Its folder is being made; the keeper was told nothing. Only a burnt claim stops it for sure."""
    SENT = auto()
    """The keeper was told, or has it from before."""
    CONCLUDING = auto()
    """Its outcome is known and on its way to the store."""


@dataclass(slots=True)
class Flight:
    """One start of one job."""

    job_id: int
    pool: str
    token: str
    phase: Phase = Phase.PREPARING
    link: KeeperLink | None = None
    """The keeper that has it."""
    connection: int = 0
    """The number of the connection to that keeper that it was told on."""
    is_simple: bool = False
    """Whether the keeper makes and removes all its folders."""

    def given_to(self, link: KeeperLink) -> None:
        """That keeper has it from now on."""
        self.phase, self.link, self.connection = Phase.SENT, link, link.generation

    @property
    def is_underway(self) -> bool:
        """Whether this daemon still works on it, so that nobody needs to ask what became of it."""
        if self.phase is not Phase.SENT:
            return True
        return self.link is not None and self.link.is_up and self.connection == self.link.generation


@dataclass(frozen=True, slots=True)
class Started:
    """A job that the core believes to be running, as needed to find out what became of it."""

    job_id: int
    pool: str
    token: str
    stop_asked: bool
    paused: bool


def started(job: Job) -> Started:
    """The record of a started job."""
    run = job.run
    assert run is not None
    assert run.token is not None
    return Started(job.id, job.pool.id, run.token, run.stop_asked, run.paused_since_us is not None)
