"""A gate keeps jobs apart: a lock key's, or (for the rows of a container) its parallelism.

Who holds it is computed from the jobs that are processing or terminating; it is never counted or stored.
"""

from collections.abc import Container
from typing import TYPE_CHECKING

from locksided.core.lines import Line

if TYPE_CHECKING:
    from locksided.core.jobs import Job
    from locksided.core.pools import Pool


class Gate:
    """One lock key: its holders (derived from the live jobs) and a line for each pool that has waiters.

    `members` tells how many live jobs name the key: only to know when the gate can be forgotten.
    """

    __slots__ = ("holders", "key", "lines", "members", "project")

    def __init__(self, project: str, key: str) -> None:
        self.project = project
        self.key = key
        self.holders: tuple[Job, ...] = ()
        self.lines: tuple[Line, ...] = ()
        self.members = 0

    def admits(self, job: "Job", without: Container[int] = ()) -> bool:
        """Whether the holders leave room: an exclusive job needs none, a shared one only few shared ones.

        `without` are ids of holders to leave out of account, for forecasts.
        """
        if not self.holders:
            return True
        holders = [holder for holder in self.holders if holder.id not in without] if without else self.holders
        share = job.lock_share
        return not holders or (share > len(holders) and all(holder.lock_share for holder in holders))

    def line(self, pool: "Pool") -> Line:
        """The line of that pool, made when there is none yet."""
        for line in self.lines:
            if line.pool is pool:
                return line
        line = Line(self, pool)
        self.lines = (*self.lines, line)
        return line

    def forget(self, line: Line) -> None:
        """Drop a line that nobody stands in any more."""
        self.lines = tuple(one for one in self.lines if one is not line)
