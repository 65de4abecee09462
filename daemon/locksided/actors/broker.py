"""Distributes committed changes: to subscribers of events, and to waiters for a job's next change.

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
"""Called with committed events and the set of their kinds."""


class Changes:
    """Which of some jobs changed since the last `take`."""

    def __init__(self) -> None:
        self._ids: set[int] = set()
        self._all = False
        self._happened = asyncio.Event()

    def note(self, job_ids: Iterable[int]) -> None:
        """Note that these jobs changed."""
        self._ids.update(job_ids)
        self._happened.set()

    def note_all(self) -> None:
        """Note that any job may have changed."""
        self._all = True
        self._happened.set()

    async def take(self) -> set[int]:
        """Wait for a change; returns the jobs that changed, or an empty set if all must be examined again."""
        await self._happened.wait()
        self._happened.clear()
        ids, self._ids = (set() if self._all else self._ids), set()
        self._all = False
        return ids


_Watched = dict[int, set[Changes]]


class Broker:
    """Fan-out of committed events. Watchers are called in the event loop and must return at once."""

    def __init__(self) -> None:
        self._watchers: dict[int, Watcher] = {}
        self._wakers: dict[int, tuple[Callable[[], None], tuple[str, ...]]] = {}
        self._woken_by: dict[str, list[Callable[[], None]]] = {}
        self._changes: _Watched = {}
        self._ends: _Watched = {}
        self._next_number = 0
        self._last_seq = 0
        self._sent_us: dict[int, int] = {}
        self._delayed: dict[int, EventRow] = {}

    def publish(self, events: list[EventRow]) -> None:
        """Pass committed events to the watchers and waiters they concern."""
        self._last_seq = events[-1].seq
        kinds = frozenset([event.kind for event in events])
        for watcher in list(self._watchers.values()):
            watcher(events, kinds)
        for kind in kinds:
            for wake in self._callbacks_for(kind):
                wake()
        if self._changes:
            _note(self._changes, {event.job_id for event in events if event.job_id is not None})
        if self._ends:
            _note(self._ends, ended_jobs(events))
        for job_id in ended_jobs(events) if self._delayed else ():
            self._delayed.pop(job_id, None)

    def _callbacks_for(self, kind: str) -> list[Callable[[], None]]:
        if kind not in self._woken_by:
            found = [wake for wake, prefixes in self._wakers.values() if kind.startswith(prefixes)]
            self._woken_by[kind] = found
        return self._woken_by[kind]

    def tell_progress(self, event: EventRow) -> None:
        """Send a job's progress to subscribers, at most once a second per job. It is not stored.

        An earlier update is delayed until the second is over; only the newest is sent, unless the job has
        ended. Its event has the number of the last stored event, so that it never moves a cursor.
        """
        assert event.job_id is not None
        sent_us = self._sent_us.get(event.job_id)
        left_us = 0 if sent_us is None else sent_us + clock.SECOND_US - clock.real_boot_us()
        if left_us <= 0:
            self._send_progress(event)
            return
        if event.job_id not in self._delayed:
            clock.real_call_later(left_us / clock.SECOND_US, partial(self._send_delayed, event.job_id))
        self._delayed[event.job_id] = event

    def _send_delayed(self, job_id: int) -> None:
        if job_id in self._delayed:
            self._send_progress(self._delayed[job_id])

    def _send_progress(self, event: EventRow) -> None:
        assert event.job_id is not None
        self._delayed.pop(event.job_id, None)
        if len(self._sent_us) > PROGRESS_REMEMBERED:
            self._sent_us.clear()
        # Jobs make progress while the daemon's test clock stands still.
        self._sent_us[event.job_id] = clock.real_boot_us()
        for watcher in list(self._watchers.values()):
            watcher([msgspec.structs.replace(event, seq=self._last_seq)], frozenset((event.kind,)))

    def wake_all(self) -> None:
        """Let everyone who waits for a job look again: the store came back, or the daemon is stopping."""
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
        """Call `wake` when events whose kind starts with a prefix are committed, while the context lasts."""
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
        """Collect all changes of these jobs while the context lasts."""
        return _collecting(self._changes, set(job_ids))

    def ends_of(self, job_ids: Iterable[int]) -> AbstractContextManager[Changes]:
        """Collect which of these jobs become final while the context lasts."""
        return _collecting(self._ends, set(job_ids))


@contextmanager
def _collecting(watched: _Watched, ids: set[int]) -> Iterator[Changes]:
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
    """Return the jobs that became final by these events."""
    return {
        event.job_id
        for event in events
        if event.kind == "job.status" and event.data["to"] in FINAL and event.job_id is not None
    }
