"""Table locks: which running job may write which tables. The holders are computed from the live jobs.

A job claims all tables of its next step at once. It gets them when its claim is the oldest on each table, so
a waiting job holds none and no cycle can exist. They are held until the job is final.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from locksided.core.jobs import Job


SERIALS_EACH = 2
"""The commits that a claim allows per table: the load, and a merge of small files after it."""


class TableClaim(NamedTuple):
    """The tables that a run has claimed, by their paths, and since when.

    Each table gets its own serials for its commits: `serial` is the first serial of the first table, the
    others follow in order. A claim with a lower serial is older.
    """

    tables: tuple[str, ...]
    serial: int
    since_us: int

    def as_data(self) -> dict[str, Any]:
        """Return the claim in its stored form."""
        return {"tables": list(self.tables), "serial": self.serial, "since_us": self.since_us}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> "TableClaim":
        """Return the claim from its stored form."""
        return cls(tuple(data["tables"]), data["serial"], data["since_us"])


class TableLocks:
    """The jobs that claim each table, the oldest claim first."""

    __slots__ = ("_claimants",)

    def __init__(self) -> None:
        self._claimants: dict[str, dict[int, Job]] = {}

    def add(self, job: "Job") -> None:
        """Append a job after all earlier claims."""
        for table in _keys(job):
            self._claimants.setdefault(table, {})[job.id] = job

    def rebuild(self, jobs: "Iterable[Job]") -> None:
        """Rebuild the order of claims from these jobs."""
        self._claimants.clear()
        claiming = [job for job in jobs if job.run is not None and job.run.claim is not None]
        for job in sorted(claiming, key=lambda job: _claim(job).serial):
            self.add(job)

    def remove(self, job: "Job") -> "list[Job]":
        """Remove a job's claim; returns the jobs that are first now on a table where it was first."""
        first: dict[int, Job] = {}
        for table in _keys(job):
            claimants = self._claimants[table]
            was_first = next(iter(claimants)) == job.id
            del claimants[job.id]
            if not claimants:
                del self._claimants[table]
            elif was_first:
                heir = next(iter(claimants.values()))
                first[heir.id] = heir
        return list(first.values())

    def admits(self, job: "Job") -> bool:
        """Return whether the job has the oldest claim on each of its tables."""
        return all(next(iter(self._claimants[table])) == job.id for table in _keys(job))

    def before(self, job: "Job", table: str) -> "list[Job]":
        """Return the jobs that claimed a table before this job, the oldest claim first."""
        earlier = []
        for other in self._claimants[table.lower()].values():
            if other is job:
                break
            earlier.append(other)
        return earlier

    def claimants(self) -> dict[str, list[int]]:
        """Return the ids of all claimants by table, for comparison with the jobs."""
        return {table: list(jobs) for table, jobs in self._claimants.items()}


def _keys(job: "Job") -> list[str]:
    """Return the job's tables in lower case: case does not distinguish tables."""
    return [table.lower() for table in _claim(job).tables]


def _claim(job: "Job") -> TableClaim:
    assert job.run is not None
    assert job.run.claim is not None
    return job.run.claim
