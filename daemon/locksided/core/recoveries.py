"""Recovery as data: the terms of a policy, the blocked jobs, and the conditions they wait for.

Jobs that wait for the same external condition share one record, and one check serves all of them. Nothing
here decides anything. Times are microseconds since the epoch, durations microseconds.
"""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import asdict, dataclass, field, replace
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from lockside.documents.enums import Backoff, CheckOutcome, FailureClass

if TYPE_CHECKING:
    from locksided.core.jobs import Job

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, slots=True)
class RecoveryTerms:
    """The terms of a policy that matches a failure.

    `condition` identifies what is tested and as which user; `tester` describes it. If nothing is tested
    (`asks` is False), the pause alone decides. `retry_after_us` is the delay requested by the program.
    """

    policy: str
    condition: str
    tester: str
    asks: bool
    interval_us: int
    max_interval_us: int
    expiry_us: int
    max_blocks: int
    release: int
    backoff: Backoff = Backoff.EXPONENTIAL
    hold_lock: bool = False
    retry_after_us: int = 0

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> "RecoveryTerms":
        """Return the terms from their stored form."""
        return cls(**{**data, "backoff": Backoff(data["backoff"])})

    def longer_pause_us(self, pause_us: int) -> int:
        """Return the pause after a check that was not yet good, when the last pause was `pause_us`."""
        if self.backoff is Backoff.FIXED:
            return self.interval_us
        return min(pause_us * 2, max(self.max_interval_us, self.interval_us))


@dataclass(frozen=True, slots=True)
class Block:
    """A job that failed and waits for its condition, since when and until when.

    A good check before `not_before_us` does not release it. `failure` classifies its last failure; the
    columns of its last run are in the store, and of them only `result` and `message` are here.
    """

    terms: RecoveryTerms
    since_us: int
    not_before_us: int
    expires_us: int
    failure: FailureClass | None = None
    result: Mapping[str, Any] | None = field(default=None, compare=False)
    message: str | None = field(default=None, compare=False)

    def as_data(self) -> dict[str, Any]:
        """Return the block in its stored form."""
        return {
            "terms": asdict(self.terms),
            "since_us": self.since_us,
            "not_before_us": self.not_before_us,
            "expires_us": self.expires_us,
            "failure": self.failure,
        }

    def moved(self, by_us: int) -> "Block":
        """Return the block after the clock was set by `by_us`."""
        return replace(
            self,
            since_us=self.since_us + by_us,
            not_before_us=self.not_before_us + by_us,
            expires_us=self.expires_us + by_us,
        )

    @classmethod
    def from_data(
        cls, data: Mapping[str, Any], result: Mapping[str, Any] | None, message: str | None
    ) -> "Block":
        """Return the block from its stored form and these columns."""
        failure = None if data["failure"] is None else FailureClass(data["failure"])
        known = {**data, "terms": RecoveryTerms.from_data(data["terms"]), "failure": failure}
        return cls(**known, result=result, message=message)


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The result of a check; `message` is the tester's last line."""

    time_us: int
    outcome: CheckOutcome
    message: str | None = None


class RecoveryCondition:
    """The condition that the jobs in `jobs` wait for.

    `checks` counts finished checks; `pause_us` is the pause before the next one. While `is_checking` a result
    is pending. A check requested `by_hand` also releases jobs whose own pause is not over.
    """

    __slots__ = (
        "asks",
        "by_hand",
        "checks",
        "id",
        "is_checking",
        "jobs",
        "last",
        "next_check_us",
        "pause_us",
        "project",
        "tester",
    )

    def __init__(self, condition_id: str, project: str, tester: str, *, asks: bool) -> None:
        self.id = condition_id
        self.project = project
        self.tester = tester
        self.asks = asks
        self.next_check_us = 0
        self.pause_us = 0
        self.checks = 0
        self.last: CheckResult | None = None
        self.is_checking = False
        self.by_hand = False
        self.jobs: dict[int, Job] = {}

    def values(self) -> dict[str, Any]:
        """Return the columns to store."""
        return {
            "project": self.project,
            "tester": self.tester,
            "asks": self.asks,
            "next_check_us": self.next_check_us,
            "pause_us": self.pause_us,
            "checks": self.checks,
            "last": None if self.last is None else asdict(self.last),
        }


class Deadlines(Generic[K]):
    """A queue of deadlines, the earliest first. An entry is valid only while `current` returns its time."""

    __slots__ = ("_current", "_heap")

    def __init__(self, current: Callable[[K], int | None]) -> None:
        self._current = current
        self._heap: list[tuple[int, K]] = []

    def add(self, at_us: int, key: K) -> None:
        """Add a deadline; it replaces the earlier one of the same key."""
        heappush(self._heap, (at_us, key))

    def first_us(self) -> int | None:
        """Return the earliest deadline."""
        while self._heap and self._current(self._heap[0][1]) != self._heap[0][0]:
            heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def due(self, now_us: int) -> list[K]:
        """Return the keys whose deadline has come, each once, and drop their entries."""
        found: dict[K, None] = {}
        while (at_us := self.first_us()) is not None and at_us <= now_us:
            found[heappop(self._heap)[1]] = None
        return list(found)


class Recoveries:
    """All conditions by id, the times of their next checks, and the expiries of the blocked jobs."""

    __slots__ = ("_jobs", "checks", "conditions", "expiries")

    def __init__(self, jobs: Mapping[int, "Job"]) -> None:
        self._jobs = jobs
        self.conditions: dict[str, RecoveryCondition] = {}
        self.checks = Deadlines(self._next_check_us)
        self.expiries = Deadlines(self._expires_us)

    def _next_check_us(self, condition_id: str) -> int | None:
        condition = self.conditions.get(condition_id)
        return None if condition is None or condition.is_checking else condition.next_check_us

    def _expires_us(self, job_id: int) -> int | None:
        job = self._jobs.get(job_id)
        return None if job is None or job.block is None else job.block.expires_us

    def next_us(self, *, is_draining: bool) -> int | None:
        """Return when the next check or expiry is due. Nothing is checked while draining."""
        moments = [self.expiries.first_us(), None if is_draining else self.checks.first_us()]
        return min((at_us for at_us in moments if at_us is not None), default=None)

    def schedule(self, condition: RecoveryCondition, at_us: int) -> None:
        """Schedule the next check of a condition."""
        condition.next_check_us = at_us
        self.checks.add(at_us, condition.id)

    def join(self, job: "Job") -> RecoveryCondition:
        """Let a blocked job wait for its condition, which is created if it is the first."""
        assert job.block is not None
        terms = job.block.terms
        condition = self.conditions.get(terms.condition)
        if condition is None:
            condition = RecoveryCondition(terms.condition, job.project, terms.tester, asks=terms.asks)
            condition.next_check_us = job.block.not_before_us
            condition.pause_us = terms.interval_us
            self.add(condition)
        condition.jobs[job.id] = job
        self.expiries.add(job.block.expires_us, job.id)
        if job.keeps_lock and job.gate is not None:
            job.gate.take(job)
        return condition

    def add(self, condition: RecoveryCondition) -> None:
        """Add a condition, new or stored."""
        self.conditions[condition.id] = condition
        self.checks.add(condition.next_check_us, condition.id)
