"""Tells those who watch what was committed: subscribers of events, and waits for a job's next change.

It holds no history; a watcher that falls behind reads the gap from the store.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial

import msgspec

from locksided import clock
from locksided.core.transitions import FINAL
from locksided.store.rows import EventRow

PROGRESS_REMEMBERED = 10_000
PROGRESS = "job.progress"

Watcher = Callable[[list[EventRow], frozenset[str]], None]
"""Is called with committed events, and with the kinds of them."""


class Changes:
    """Which of some jobs changed since they were last taken."""

    def __init__(self) -> None:
        self._ids: set[int] = set()
        self._all = False
        self._happened = asyncio.Event()

    def note(self, job_ids: Iterable[int]) -> None:
        """Something happened to these."""
        self._ids.update(job_ids)
        self._happened.set()

    def note_all(self) -> None:
        """Anything may have happened."""
        self._all = True
        self._happened.set()

    async def take(self) -> set[int]:
        """Wait for a change; answers the jobs that changed, none when all should be looked at again."""
        await self._happened.wait()
        self._happened.clear()
        ids, self._ids = (set() if self._all else self._ids), set()
        self._all = False
        return ids


_Watched = dict[int, set[Changes]]


class Broker:
    """Fan-out of committed events. Watchers are called in the loop and must only take note."""

    def __init__(self) -> None:
        self._watchers: dict[int, Watcher] = {}
        self._wakers: dict[int, tuple[Callable[[], None], tuple[str, ...]]] = {}
        self._woken_by: dict[str, list[Callable[[], None]]] = {}
        self._changes: _Watched = {}
        self._ends: _Watched = {}
        self._next_number = 0
        self._last_seq = 0
        self._told_us: dict[int, int] = {}
        self._untold: dict[int, EventRow] = {}

    def publish(self, events: list[EventRow]) -> None:
        """Hand committed events to everybody whom they concern."""
        self._last_seq = events[-1].seq
        kinds = frozenset([event.kind for event in events])
        for watcher in list(self._watchers.values()):
            watcher(events, kinds)
        for kind in kinds:
            for wake in self._whom_it_wakes(kind):
                wake()
        if self._changes:
            _note(self._changes, {event.job_id for event in events if event.job_id is not None})
        if self._ends:
            _note(self._ends, ended_jobs(events))
        for job_id in ended_jobs(events) if self._untold else ():
            self._untold.pop(job_id, None)

    def _whom_it_wakes(self, kind: str) -> list[Callable[[], None]]:
        if kind not in self._woken_by:
            found = [wake for wake, prefixes in self._wakers.values() if kind.startswith(prefixes)]
            self._woken_by[kind] = found
        return self._woken_by[kind]

    def tell_progress(self, event: EventRow) -> None:
        """Hand a job's progress to subscribers, at most once a second per job. It is stored nowhere.

        What comes sooner is told when the second is over, the newest alone, unless the job has ended. It
        carries the number of the last stored event, so that a cursor is never moved by it.
        """
        assert event.job_id is not None
        told_us = self._told_us.get(event.job_id)
        left_us = 0 if told_us is None else told_us + clock.SECOND_US - clock.real_boot_us()
        if left_us <= 0:
            self._tell(event)
            return
        if event.job_id not in self._untold:
            clock.real_call_later(left_us / clock.SECOND_US, partial(self._tell_late, event.job_id))
        self._untold[event.job_id] = event

    def _tell_late(self, job_id: int) -> None:
        if job_id in self._untold:
            self._tell(self._untold[job_id])

    def _tell(self, event: EventRow) -> None:
        assert event.job_id is not None
        self._untold.pop(event.job_id, None)
        if len(self._told_us) > PROGRESS_REMEMBERED:
            self._told_us.clear()
        # Jobs make progress while the daemon's clock stands still.
        self._told_us[event.job_id] = clock.real_boot_us()
        for watcher in list(self._watchers.values()):
            watcher([msgspec.structs.replace(event, seq=self._last_seq)], frozenset((event.kind,)))

    def wake_all(self) -> None:
        """Let everybody who waits for a job look again: the store came back, or the daemon goes."""
        for watched in (self._changes, self._ends):
            for watching in watched.values():
                for changes in watching:
                    changes.note_all()

    @contextmanager
    def watching(self, watcher: Watcher) -> Iterator[None]:
        """Call `watcher` with every group of committed events while the context lasts."""
        number = self._number()
        self._watchers[number] = watcher
        try:
            yield
        finally:
            del self._watchers[number]

    @contextmanager
    def waking(self, wake: Callable[[], None], *prefixes: str) -> Iterator[None]:
        """Call `wake` when events were committed whose kinds begin so, while the context lasts."""
        number = self._number()
        self._wakers[number] = wake, prefixes
        self._woken_by.clear()
        try:
            yield
        finally:
            del self._wakers[number]
            self._woken_by.clear()

    def _number(self) -> int:
        self._next_number += 1
        return self._next_number

    def changes_of(self, job_ids: Iterable[int]) -> AbstractContextManager[Changes]:
        """Whatever happens to these jobs while the context lasts."""
        return _taking_note(self._changes, set(job_ids))

    def ends_of(self, job_ids: Iterable[int]) -> AbstractContextManager[Changes]:
        """Which of these jobs become final while the context lasts."""
        return _taking_note(self._ends, set(job_ids))


@contextmanager
def _taking_note(watched: _Watched, ids: set[int]) -> Iterator[Changes]:
    changes = Changes()
    for job_id in ids:
        watched.setdefault(job_id, set()).add(changes)
    try:
        yield changes
    finally:
        for job_id in ids:
            watched[job_id].discard(changes)
            if not watched[job_id]:
                del watched[job_id]


def _note(watched: _Watched, job_ids: Iterable[int]) -> None:
    for job_id in job_ids:
        for changes in watched.get(job_id, ()):
            changes.note((job_id,))


def ended_jobs(events: Iterable[EventRow]) -> set[int]:
    """The jobs that became final by these events."""
    return {
        event.job_id
        for event in events
        if event.kind == "job.status" and event.data["to"] in FINAL and event.job_id is not None
    }
