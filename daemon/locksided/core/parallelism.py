"""The gate of a container's children: at most `limit` of them run at once.

It is a gate like that of a lock, with a different rule of admission.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from locksided.core.gates import Gate
from locksided.core.lines import Line
from locksided.core.model import ReasonKind

if TYPE_CHECKING:
    from locksided.core.containers import Container
    from locksided.core.jobs import Job


class ParallelGate(Gate):
    """Lets `limit` children of its container run. It lives as long as the container does."""

    __slots__ = ("_running", "container", "limit")

    reason = ReasonKind.PARALLELISM

    def __init__(self, container: "Container", limit: int) -> None:
        super().__init__("")
        self.container = container
        self.limit = limit
        self._running: dict[int, Job] = {}

    @property
    def lock_key(self) -> str | None:
        """None: this gate is not a lock."""
        return None

    @property
    def holders(self) -> "tuple[Job, ...]":
        """The running children."""
        return tuple(self._running.values())

    def take(self, job: "Job") -> None:
        """Add a running child."""
        self._running[job.id] = job

    def leave(self, job: "Job") -> None:
        """Remove a running child."""
        del self._running[job.id]

    @property
    def room(self) -> int:
        """How many more children may run."""
        return max(self.limit - len(self._running), 0)

    def admits(self, job: "Job") -> bool:
        """Whether one more child may run."""
        return len(self._running) < self.limit

    def blocks(self, job: "Job") -> bool:
        """Whether the running children and the jobs ahead in the job's line reach the limit."""
        return job.line is None or job.line.ahead(job) >= self.room

    def _place_of(self, job: "Job") -> object:
        return job.demand  # a line whose first jobs may all start must not mix demands

    def _new_line(self, place: object, following: Line | None) -> Line:
        return ParallelLine(self, place, following)


class ParallelLine(Line):
    """A line whose first few jobs are blocked only by their pool: as many as the gate has room for.

    `_border` is that number at the last look, `_moves` how many jobs entered or left since: no job further
    from the border can have crossed it.
    """

    __slots__ = ("_border", "_moves")

    gate: ParallelGate

    def __init__(self, gate: ParallelGate, place: object, following: Line | None = None) -> None:
        super().__init__(gate, place, following)
        self._border = 0
        self._moves = 0

    def add(self, job: "Job") -> None:
        """Insert a job at its place."""
        super().add(job)
        self._moves += 1

    def remove(self, job: "Job") -> None:
        """Remove a job from the line."""
        super().remove(job)
        self._moves += 1

    def possibly_changed(self) -> "Iterator[Job]":
        """Yield the head, and the jobs that may have crossed the border since the last call."""
        before, now, moves = self._border, self.gate.room, self._moves
        self._border, self._moves = now, 0
        if self.head is not None:
            yield self.head
        yield from self.between(min(before, now) - moves, max(before, now) + moves)
