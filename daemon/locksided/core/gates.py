"""A gate limits which jobs run together: those of one lock key, or (in `parallelism`) a container's rows.

The holders are computed from the jobs that are processing or terminating; they are never counted or stored.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from locksided.core.lines import Line
from locksided.core.model import ReasonKind

if TYPE_CHECKING:
    from locksided.core.jobs import Job


class Gate:
    """One lock key: its holders (derived from the live jobs) and a line per list of pools that has waiters.

    `members` counts the live jobs that name the key: it shows when the gate can be deleted.
    """

    __slots__ = ("_first", "_holders", "key", "members")

    reason: ClassVar[ReasonKind] = ReasonKind.CONFIG_LOCK

    def __init__(self, key: str) -> None:
        self.key = key
        self._holders: tuple[Job, ...] = ()
        self.members = 0
        self._first: Line | None = None

    @property
    def lock_key(self) -> str | None:
        """The lock key; None for a gate that is not a lock."""
        return self.key

    @property
    def holders(self) -> "tuple[Job, ...]":
        """The jobs of this gate that are processing or terminating."""
        return self._holders

    def take(self, job: "Job") -> None:
        """Add a holder."""
        self._holders = (*self._holders, job)

    def leave(self, job: "Job") -> None:
        """Remove a holder."""
        self._holders = tuple(holder for holder in self._holders if holder is not job)

    @property
    def lines(self) -> Iterator[Line]:
        """The line of each list of pools for which a job waits: a linked list, nearly always of one."""
        line = self._first
        while line is not None:
            yield line
            line = line.following

    def admits(self, job: "Job") -> bool:
        """Whether the holders leave room for the job: none, or fewer than N shared ones for `shared:N`."""
        holders = self._holders
        if not holders:
            return True
        all_shared = holders[0].lock_share > 0  # an exclusive holder would be the only one
        return all_shared and len(holders) < job.lock_share

    def blocks(self, job: "Job") -> bool:
        """Whether the gate blocks a job in a line: it does not admit the job, or another job is the head."""
        return not self.admits(job) or job.line is None or job.line.head is not job

    def line(self, job: "Job") -> Line:
        """Return the line for a job; it is created on demand."""
        place = self._place_of(job)
        for line in self.lines:
            if line.place == place:
                return line
        self._first = self._new_line(place, self._first)
        return self._first

    def _place_of(self, job: "Job") -> object:
        return job.demand.pools

    def _new_line(self, place: object, following: Line | None) -> Line:
        return Line(self, place, following)

    def forget(self, line: Line) -> None:
        """Remove an empty line."""
        if self._first is line:
            self._first = line.following
            return
        for one in self.lines:
            if one.following is line:
                one.following = line.following
