"""Counts of ended jobs and of schedules' and triggers' decisions, in memory, updated from events on request.

The memory is bounded: the configurations whose jobs ended last, and a number of components by name. Jobs of
all other components are counted together.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

from anyio import Lock

from locksided.histograms import JOB_BOUNDS, Histogram
from locksided.store.decisions import Decided, Maker, decided_since
from locksided.store.endings import Configuration, Ending, Endings
from locksided.store.status_counts import StatusCounts, status_counts
from locksided.store.store import Store

MOST_CONFIGURATIONS = 1000
MOST_COMPONENTS = 200
OTHER = "other"
_SUCCESS = frozenset(("success", "warning"))


class Statuses:
    """The number of jobs by status."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = Lock()
        self._known: StatusCounts | None = None

    async def counts(self) -> dict[str, int]:
        """Return the current counts; statuses without jobs are missing."""
        async with self._lock:
            self._known = await self._store.read_patiently(partial(status_counts, known=self._known))
            return self._known.counts


@dataclass(slots=True)
class Outcomes:
    """The outcomes of one configuration. Times are microseconds; None before the first of its kind.

    A cancelled job is counted but has no end here: it never ran.
    """

    counts: dict[str, int] = field(default_factory=dict)
    success_us: int | None = None
    end_us: int | None = None
    duration_us: int = 0

    def add(self, ending: Ending) -> None:
        """Add jobs that ended with one status."""
        self.counts[ending.status] = self.counts.get(ending.status, 0) + ending.count
        if ending.status in _SUCCESS:
            self.success_us = max(self.success_us or 0, ending.end_us)
        if ending.status != "cancelled" and ending.end_us >= (self.end_us or 0):
            self.end_us, self.duration_us = ending.end_us, ending.duration_us


@dataclass(slots=True)
class Totals:
    """All ended jobs: counts by status, pool and component, run times and waiting times.

    A cancelled job is counted but has no duration: it never ran.
    """

    counts: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    durations: dict[tuple[str, str], Histogram] = field(default_factory=dict)
    queues: dict[str, Histogram] = field(default_factory=dict)

    def add(self, ending: Ending, component: str) -> None:
        """Add jobs of a component that ended with one status."""
        pool = ending.pool
        self.counts[ending.status, pool, component] += ending.count
        if ending.status != "cancelled":
            ran = self.durations.setdefault((pool, component), Histogram(JOB_BOUNDS))
            ran.add(ending.durations, ending.duration_sum_us / 1e6)
        waited = self.queues.setdefault(pool, Histogram(JOB_BOUNDS))
        waited.add(ending.queues, ending.queue_sum_us / 1e6)


class Tally:
    """The outcomes of all configurations, and the totals."""

    def __init__(
        self, store: Store, most: int = MOST_CONFIGURATIONS, most_components: int = MOST_COMPONENTS
    ) -> None:
        self._store = store
        self._most = most
        self._most_components = most_components
        self._named: set[str] = set()
        self._lock = Lock()
        self._seq: int | None = None
        self._outcomes: dict[Configuration, Outcomes] = {}
        self.totals = Totals()

    async def outcomes(self) -> Mapping[Configuration, Outcomes]:
        """Return the current outcomes, sorted by name; `totals` is of the same moment."""
        async with self._lock:
            self._count(await self._store.ended_since(self._seq))
            newest = sorted(self._outcomes.items(), key=lambda one: -(one[1].end_us or 0))[: self._most]
            self._outcomes = dict(sorted(newest))
            return self._outcomes

    def _count(self, found: Endings) -> None:
        if found.is_whole:
            self._outcomes, self.totals = {}, Totals()
        for ending in sorted(found.endings, key=lambda one: -one.count):  # the most frequent are named
            component = self._name_of(ending.configuration.component)
            self.totals.add(ending, component)
            if ending.configuration.config and component != OTHER:
                self._outcomes.setdefault(ending.configuration, Outcomes()).add(ending)
        self._seq = found.seq

    def _name_of(self, component: str) -> str:
        if len(self._named) < self._most_components:
            self._named.add(component)
        return component if component in self._named else OTHER


MOST_MAKERS = 1000


class Decisions:
    """Decisions of schedules and triggers since the daemon's start; limited to the most recent makers."""

    def __init__(self, store: Store, most: int = MOST_MAKERS) -> None:
        self._store = store
        self._most = most
        self._lock = Lock()
        self._seq: int | None = None
        self._found: dict[Maker, dict[str, Decided]] = {}

    async def found(self) -> Mapping[Maker, Mapping[str, Decided]]:
        """Return the decisions of each by outcome."""
        async with self._lock:
            look = partial(decided_since, seq=self._seq)
            self._seq, news = await self._store.read_patiently(look)
            for (maker, outcome), more in news.items():
                before = self._found.pop(maker, {})
                times, moments, _ = before.get(outcome, Decided(0, 0, 0.0))
                total = Decided(times + more.times, moments + more.moments, more.lateness_seconds)
                self._found[maker] = {**before, outcome: total}
            self._found = dict(list(self._found.items())[-self._most :])
            return self._found
