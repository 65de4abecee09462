"""Table locks: which running job may write which tables. Who holds them is computed from the live jobs.

A job asks for all tables of its next step at once. It gets them when it is the oldest asker of each, so who
waits holds none and no circle exists. They are held until the job is final.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from locksided.core.jobs import Job


SERIALS_EACH = 2
"""So many commits a claim allows of each table: the load, and a merge of small files behind it."""


class TableClaim(NamedTuple):
    """The tables that a run has asked for, by their paths, and since when.

    Each table has serials of its own for its commits: `serial` is the first of the first table, the others
    follow in their order. A claim with a lower serial is older.
    """

    tables: tuple[str, ...]
    serial: int
    since_us: int

    def as_data(self) -> dict[str, Any]:
        """The form in which it is stored."""
        return {"tables": list(self.tables), "serial": self.serial, "since_us": self.since_us}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> "TableClaim":
        """The claim that was stored so."""
        return cls(tuple(data["tables"]), data["serial"], data["since_us"])


class TableLocks:
    """Of each table that is claimed the jobs that claim it, the oldest first."""

    __slots__ = ("_claimants",)

    def __init__(self) -> None:
        self._claimants: dict[str, dict[int, Job]] = {}

    def add(self, job: "Job") -> None:
        """Put a job behind all that claimed before."""
        for table in _keys(job):
            self._claimants.setdefault(table, {})[job.id] = job

    def rebuild(self, jobs: "Iterable[Job]") -> None:
        """Put all claims of these jobs into their order, and no others."""
        self._claimants.clear()
        claiming = [job for job in jobs if job.run is not None and job.run.claim is not None]
        for job in sorted(claiming, key=lambda job: _claim(job).serial):
            self.add(job)

    def remove(self, job: "Job") -> "list[Job]":
        """Forget a job's claim; returns who comes first now where it came first."""
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
        """Whether the job is the oldest that claims each of its tables."""
        return all(next(iter(self._claimants[table])) == job.id for table in _keys(job))

    def before(self, job: "Job", table: str) -> "list[Job]":
        """Who claimed a table before the job, the oldest first."""
        earlier = []
        for other in self._claimants[table.lower()].values():
            if other is job:
                break
            earlier.append(other)
        return earlier

    def claimants(self) -> dict[str, list[int]]:
        """The ids of all claimants by table, for the comparison with what the jobs say."""
        return {table: list(jobs) for table, jobs in self._claimants.items()}


def _keys(job: "Job") -> list[str]:
    """Its tables, for which capitals do not count."""
    return [table.lower() for table in _claim(job).tables]


def _claim(job: "Job") -> TableClaim:
    assert job.run is not None
    assert job.run.claim is not None
    return job.run.claim
