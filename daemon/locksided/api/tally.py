"""How the jobs of each configuration ended, and what schedules and triggers decided.

Both are kept in memory, and brought up to date by events when asked. Their number is bounded: those of which
something was heard last are kept.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

from anyio import Lock

from locksided.store.decisions import Decided, Maker, decided_since
from locksided.store.endings import Configuration, Ending
from locksided.store.store import Store

MOST_CONFIGURATIONS = 1000
MOST_MAKERS = 1000
_SUCCESS = frozenset(("success", "warning"))


@dataclass(slots=True)
class Outcomes:
    """The outcomes of one configuration. Times are microseconds; None before the first of its kind.

    A cancelled job is counted and has no end here: it never ran.
    """

    counts: dict[str, int] = field(default_factory=dict)
    success_us: int | None = None
    end_us: int | None = None
    duration_us: int = 0

    def add(self, ending: Ending) -> None:
        """Count more jobs that ended with one status."""
        self.counts[ending.status] = self.counts.get(ending.status, 0) + ending.count
        if ending.status in _SUCCESS:
            self.success_us = max(self.success_us or 0, ending.end_us)
        if ending.status != "cancelled" and ending.end_us >= (self.end_us or 0):
            self.end_us, self.duration_us = ending.end_us, ending.duration_us


class Decisions:
    """What schedules and triggers decided since the daemon's start; of very many, those that did so last."""

    def __init__(self, store: Store, most: int = MOST_MAKERS) -> None:
        self._store = store
        self._most = most
        self._lock = Lock()
        self._seq: int | None = None
        self._found: dict[Maker, dict[str, Decided]] = {}

    async def found(self) -> Mapping[Maker, Mapping[str, Decided]]:
        """What each decided, by outcome."""
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


class Tally:
    """The outcomes of all configurations."""

    def __init__(self, store: Store, most: int = MOST_CONFIGURATIONS) -> None:
        self._store = store
        self._most = most
        self._lock = Lock()
        self._seq: int | None = None
        self._outcomes: dict[Configuration, Outcomes] = {}

    async def outcomes(self) -> Mapping[Configuration, Outcomes]:
        """The outcomes as they are now, in the order of names."""
        async with self._lock:
            found = await self._store.ended_since(self._seq)
            if found.is_whole:
                self._outcomes = {}
            for ending in found.endings:
                self._outcomes.setdefault(ending.configuration, Outcomes()).add(ending)
            self._seq = found.seq
            newest = sorted(self._outcomes.items(), key=lambda one: -(one[1].end_us or 0))[: self._most]
            self._outcomes = dict(sorted(newest))
            return self._outcomes
