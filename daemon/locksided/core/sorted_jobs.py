"""A sorted list for very many jobs, in the order in which they may start.

It only sorts: `admission` decides whether a job may start at all.
"""

from bisect import bisect_left
from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from locksided.core.jobs import Job

SortKey = tuple[int, int]

CHUNK = 512


def sort_key(job: "Job") -> SortKey:
    """Return a job's rank: higher priority first, then the lower line order."""
    return (-job.priority, job.order)


class SortedJobs:
    """A sorted list in chunks, so that no change moves more than one chunk.

    A job's rank must not change while it is in the list.
    """

    __slots__ = ("_chunks",)

    def __init__(self) -> None:
        self._chunks: list[list[Job]] = []

    def __len__(self) -> int:
        return sum(map(len, self._chunks))

    def __iter__(self) -> "Iterator[Job]":
        return chain.from_iterable(self._chunks)

    @property
    def first(self) -> "Job | None":
        """The job that comes first."""
        return self._chunks[0][0] if self._chunks else None

    def add(self, job: "Job") -> None:
        """Insert a job at its rank."""
        chunks = self._chunks
        if not chunks or sort_key(chunks[-1][-1]) < sort_key(job):  # nearly always: a new job goes to the end
            if not chunks or len(chunks[-1]) >= CHUNK:
                chunks.append([])
            chunks[-1].append(job)
            return
        number, place = self._find(job)
        chunk = chunks[number]
        chunk.insert(place, job)
        if len(chunk) > CHUNK:
            chunks.insert(number + 1, chunk[CHUNK // 2 :])
            del chunk[CHUNK // 2 :]

    def remove(self, job: "Job") -> None:
        """Remove a job, which must be in the list."""
        number, place = self._place_of(job)
        del self._chunks[number][place]
        if not self._chunks[number]:
            del self._chunks[number]

    def ahead(self, job: "Job") -> int:
        """Return how many jobs precede it."""
        number, place = self._place_of(job)
        return sum(map(len, self._chunks[:number])) + place

    def between(self, start: int, stop: int) -> "Iterator[Job]":
        """Yield the jobs at the indexes from `start` up to, but not including, `stop`."""
        for chunk in self._chunks:
            if stop <= 0:
                return
            if start < len(chunk):
                yield from chunk[max(start, 0) : stop]
            start -= len(chunk)
            stop -= len(chunk)

    def before(self, job: "Job") -> "Job | None":
        """Return the job directly before it."""
        number, place = self._place_of(job)
        if place:
            return self._chunks[number][place - 1]
        return self._chunks[number - 1][-1] if number else None

    def _place_of(self, job: "Job") -> tuple[int, int]:
        if self.first is job:  # nearly always: the first job is removed
            return 0, 0
        number, place = self._find(job)
        chunk = self._chunks[number]
        assert chunk[place : place + 1] == [job], f"job {job.id} is not where its rank says"
        return number, place

    def _find(self, job: "Job") -> tuple[int, int]:
        """Return the chunk, and the index in it, where the job is or belongs."""
        mine = sort_key(job)
        number = min(bisect_left(self._chunks, mine, key=_last_key), len(self._chunks) - 1)
        return number, bisect_left(self._chunks[number], mine, key=sort_key)


def _last_key(jobs: "list[Job]") -> SortKey:
    return sort_key(jobs[-1])
