"""A sorted list of jobs in the order in which they may start, for very many jobs.

It orders and nothing else: who may start at all is for `admission` to say.
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
    """A job's place among all: higher priority first, then the older line order."""
    return (-job.priority, job.order)


class SortedJobs:
    """A sorted list in chunks, so that no change moves more than one chunk.

    A job's rank must not change while it is in here.
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
        """Whose turn comes before that of all others."""
        return self._chunks[0][0] if self._chunks else None

    def add(self, job: "Job") -> None:
        """Give a job its place."""
        chunks = self._chunks
        if not chunks or sort_key(chunks[-1][-1]) < sort_key(
            job
        ):  # nearly always: who comes last stands last
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
        """Take a job out. It must be in here."""
        number, place = self._place_of(job)
        del self._chunks[number][place]
        if not self._chunks[number]:
            del self._chunks[number]

    def ahead(self, job: "Job") -> int:
        """How many come before it."""
        number, place = self._place_of(job)
        return sum(map(len, self._chunks[:number])) + place

    def between(self, start: int, stop: int) -> "Iterator[Job]":
        """Those at the places from `start` on and before `stop`."""
        for chunk in self._chunks:
            if stop <= 0:
                return
            if start < len(chunk):
                yield from chunk[max(start, 0) : stop]
            start -= len(chunk)
            stop -= len(chunk)

    def before(self, job: "Job") -> "Job | None":
        """Who comes right before it."""
        number, place = self._place_of(job)
        if place:
            return self._chunks[number][place - 1]
        return self._chunks[number - 1][-1] if number else None

    def _place_of(self, job: "Job") -> tuple[int, int]:
        if self.first is job:  # nearly always: who leaves stands first
            return 0, 0
        number, place = self._find(job)
        chunk = self._chunks[number]
        assert chunk[place : place + 1] == [job], f"job {job.id} is not where its rank says"
        return number, place

    def _find(self, job: "Job") -> tuple[int, int]:
        """The chunk and the place in it where the job is, or belongs."""
        mine = sort_key(job)
        number = min(bisect_left(self._chunks, mine, key=_last_key), len(self._chunks) - 1)
        return number, bisect_left(self._chunks[number], mine, key=sort_key)


def _last_key(jobs: "list[Job]") -> SortKey:
    return sort_key(jobs[-1])
