"""A line: the queue of the jobs of one gate and list of pools, in the order in which they may start.

Only the head of a line can start. The gate and the pools decide what blocks or frees it.
"""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from locksided.core.sorted_jobs import SortedJobs, sort_key

if TYPE_CHECKING:
    from locksided.core.gates import Gate
    from locksided.core.jobs import Job


class Line:
    """The head, and the jobs behind it if there are any: most lines have one job.

    `offered` is the head, if its pools know it as a candidate for a slot. `gate` is None for jobs that no key
    and no container keeps apart; `following` is the gate's next line. `place` is what its jobs have in
    common: their pools, or their whole demand.
    """

    __slots__ = ("_behind", "following", "gate", "head", "offered", "place")

    def __init__(self, gate: "Gate | None", place: object, following: "Line | None" = None) -> None:
        self.gate = gate
        self.place = place
        self.following = following
        self.head: Job | None = None
        self.offered: Job | None = None
        self._behind: SortedJobs | None = None

    def __len__(self) -> int:
        return len(self.jobs())

    def jobs(self) -> "list[Job]":
        """All jobs, in order."""
        return [] if self.head is None else [self.head, *(self._behind or ())]

    def add(self, job: "Job") -> None:
        """Insert a job at its place."""
        job.line = self
        if self.head is None:
            self.head = job
        elif sort_key(job) < sort_key(self.head):
            self.head, covered = job, self.head
            self._stand_behind(covered)
        else:
            self._stand_behind(job)

    def _stand_behind(self, job: "Job") -> None:
        if self._behind is None:
            self._behind = SortedJobs()
        self._behind.add(job)

    def remove(self, job: "Job") -> None:
        """Remove a job, which must be in the line, and withdraw its offer."""
        assert job.line is self, f"job {job.id} does not stand in this line"
        job.line = None
        if self.offered is job:
            self._offer(None)
        if self.head is not job:
            assert self._behind is not None
            self._behind.remove(job)
            return
        self.head = self._behind.first if self._behind is not None else None
        if self.head is not None and self._behind is not None:
            self._behind.remove(self.head)

    def possibly_changed(self) -> "Iterable[Job]":
        """Yield the jobs whose status may have changed since the last call: for a lock only the head."""
        return () if self.head is None else (self.head,)

    def offer_head(self) -> None:
        """Offer the head to its pools if the gate admits it; otherwise withdraw the offer."""
        head = self.head
        if head is not None and self.gate is not None and not self.gate.admits(head):
            head = None
        self._offer(head)

    def _offer(self, job: "Job | None") -> None:
        if job is self.offered:
            return
        if self.offered is not None:
            self.offered.demand.heads.remove(self.offered)
        if job is not None:
            job.demand.heads.add(job)
        self.offered = job

    def ahead(self, job: "Job") -> int:
        """Return how many jobs are ahead of the job."""
        if job is self.head:
            return 0
        assert self._behind is not None
        return 1 + self._behind.ahead(job)

    def between(self, start: int, stop: int) -> "Iterator[Job]":
        """The jobs at the places from `start` up to, but not including, `stop`."""
        if self.head is not None and start <= 0 < stop:
            yield self.head
        if self._behind is not None:
            yield from self._behind.between(max(start - 1, 0), stop - 1)

    def before(self, job: "Job") -> "Job | None":
        """Return the job directly ahead, if any."""
        if job is self.head:
            return None
        assert self._behind is not None
        return self._behind.before(job) or self.head
