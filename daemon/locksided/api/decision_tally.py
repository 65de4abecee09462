"""What schedules and triggers decided; kept in memory, and brought up to date by events when asked."""

from collections.abc import Mapping
from functools import partial

from anyio import Lock

from locksided.store.decisions import Decided, Maker, decided_since
from locksided.store.store import Store

MOST_MAKERS = 1000


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
