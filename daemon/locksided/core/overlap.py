"""Decides which of the moments to fire get a job of their own, given the live jobs of the schedule. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from lockside.documents.enums import MomentCause, MomentOutcome, OverlapPolicy
from locksided.core.moments import Candidate


@dataclass(frozen=True, slots=True)
class Live:
    """A job of the schedule that is not final; backfills are left out."""

    job_id: int
    has_started: bool


@dataclass(frozen=True, slots=True)
class NewJob:
    """The job to be created for the candidate at this index among those that get one."""

    place: int


JobRef = NewJob | int
"""A job created in this step, or the id of an existing one."""


@dataclass(frozen=True, slots=True)
class Fate:
    """The result for a candidate: `job` is its own job, or the one it is merged into."""

    candidate: Candidate
    outcome: MomentOutcome
    cause: MomentCause
    job: JobRef | None = None


@dataclass(frozen=True, slots=True)
class Firing:
    """The fates in order, the candidates that get a job, and the live jobs to terminate before that.

    `is_last` says that the schedule may fire no more: candidates after the last fate are dropped.
    """

    fates: tuple[Fate, ...] = ()
    makes: tuple[Candidate, ...] = ()
    terminates: tuple[int, ...] = ()
    is_last: bool = False


@dataclass(slots=True)
class _Step:
    live: Sequence[Live]
    policy: OverlapPolicy
    limit: int
    fates: list[Fate] = field(default_factory=list)
    makes: list[Candidate] = field(default_factory=list)

    def fire(self, candidate: Candidate) -> None:
        self.fates.append(Fate(candidate, MomentOutcome.FIRED, candidate.cause, NewJob(len(self.makes))))
        self.makes.append(candidate)

    def waiting(self) -> list[JobRef]:
        """Return the jobs that have not started, oldest first, including those of this step."""
        old: list[JobRef] = [one.job_id for one in self.live if not one.has_started]
        return old + [NewJob(place) for place in range(len(self.makes))]


def overlap(
    candidates: Sequence[Candidate],
    live: Sequence[Live],
    policy: OverlapPolicy,
    limit: int,
    firings_left: int | None = None,
) -> Firing:
    """Decide on all candidates of a step. `live` is ordered by id."""
    step = _Step(live, policy, limit)
    is_last = False
    for candidate in _not_replaced(candidates) if policy is OverlapPolicy.REPLACE else candidates:
        if firings_left is not None and len(step.makes) >= firings_left:
            is_last = True
            break
        _decide(step, candidate)
    is_last = is_last or (firings_left is not None and len(step.makes) >= firings_left)
    terminates = tuple(one.job_id for one in live) if policy is OverlapPolicy.REPLACE and step.makes else ()
    fates = _with_merged(step, candidates) if policy is OverlapPolicy.REPLACE else step.fates
    return Firing(tuple(fates), tuple(step.makes), terminates, is_last)


def _decide(step: _Step, candidate: Candidate) -> None:
    waiting = step.waiting()
    if step.policy is OverlapPolicy.SKIP and (step.live or step.makes):
        step.fates.append(Fate(candidate, MomentOutcome.SKIPPED, MomentCause.OVERLAP))
    elif step.policy is OverlapPolicy.QUEUE and len(waiting) >= step.limit and not candidate.is_caught_up:
        step.fates.append(Fate(candidate, MomentOutcome.MERGED, MomentCause.OVERLAP, waiting[-1]))
    else:
        step.fire(candidate)


def _not_replaced(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Return the candidates that no later one of the step replaces; caught-up ones are never merged."""
    return [one for one in candidates if one.is_caught_up or one is candidates[-1]]


def _with_merged(step: _Step, candidates: Sequence[Candidate]) -> list[Fate]:
    """Return all fates: candidates replaced in this step are merged into its last job."""
    decided = {id(fate.candidate): fate for fate in step.fates}
    if not step.makes:
        return list(step.fates)
    last = NewJob(len(step.makes) - 1)
    return [
        decided.get(id(one)) or Fate(one, MomentOutcome.MERGED, MomentCause.OVERLAP, last)
        for one in candidates
        if id(one) in decided or not one.is_caught_up
    ]
