"""A gate keeps jobs apart: a lock key's, or (for the rows of a container) its parallelism.

Who holds it is computed from the jobs that are processing or terminating; it is never counted or stored.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from locksided.core.lines import Line

if TYPE_CHECKING:
    from locksided.core.jobs import Job
    from locksided.core.pools import Pool


class Gate:
    """One lock key: its holders (derived from the live jobs) and a line for each pool that has waiters.

    `members` tells how many live jobs name the key: only to know when the gate can be forgotten.
    """

    __slots__ = ("_first", "holders", "key", "members", "project")

    def __init__(self, project: str, key: str) -> None:
        self.project = project
        self.key = key
        self.holders: tuple[Job, ...] = ()
        self.members = 0
        self._first: Line | None = None

    @property
    def lines(self) -> Iterator[Line]:
        """A line for each pool in which somebody waits. Nearly always there is one: they are a chain."""
        line = self._first
        while line is not None:
            yield line
            line = line.following

    def admits(self, job: "Job") -> bool:
        """Whether the holders leave room for the job."""
        return not self.holders or room_for(job, self.holders)

    def line(self, pool: "Pool") -> Line:
        """The line of that pool, made when there is none yet."""
        for line in self.lines:
            if line.pool is pool:
                return line
        self._first = Line(self, pool, following=self._first)
        return self._first

    def forget(self, line: Line) -> None:
        """Drop a line that nobody stands in any more."""
        if self._first is line:
            self._first = line.following
            return
        for one in self.lines:
            if one.following is line:
                one.following = line.following


def room_for(job: "Job", holders: "Sequence[Job]") -> bool:
    """Whether they leave room: an exclusive job needs none, a shared one only few shared ones."""
    if not holders:
        return True
    all_shared = holders[0].lock_share > 0  # an exclusive holder would be the only one
    return all_shared and len(holders) < job.lock_share
