"""A container: a job without a process that represents its strong children.

It has references to its live children and only tallies of those that ended, so its status never requires a
look at all children. The policies that use it are in `container_lifecycle` and `retries`.
"""

from typing import TYPE_CHECKING, Any, TypeAlias, cast

from lockside.documents.enums import JobType, OnError, Status
from locksided.core.jobs import Job
from locksided.core.model import RetryPolicy
from locksided.core.parallelism import ParallelGate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from locksided.core.demands import Demand

Cause: TypeAlias = "Mapping[str, str]"
"""The `job` whose failure made a container fail (not a container itself), and its `message`."""

NAMED = 10
UNCOUNTED = frozenset({"container", "phase"})
"""Causes of a child's end that its container brought about: they do not count as failures."""


class Tally:
    """How the children that are final ended. `failed` and `tolerated` have the lowest ids of each.

    `cause` is the cause of the failure of the first in `failed`, see `cause_of`. `stopped` is True after a
    child whose `on_error` is `stop` has failed: no sibling starts any more.
    """

    __slots__ = ("cause", "failed", "failures", "stopped", "tolerated", "tolerations", "total", "warnings")

    def __init__(self) -> None:
        self.total = 0
        self.failures = 0
        self.failed: tuple[int, ...] = ()
        self.cause: Cause | None = None
        self.tolerations = 0
        self.tolerated: tuple[int, ...] = ()
        self.warnings = 0
        self.stopped = False

    def add(
        self, job_id: int, status: Status, by: str, on_error: OnError | None, cause: "Cause | None"
    ) -> None:
        """Count a child that became final because of `by`; `cause` is the cause of its failure."""
        if by == "amended":
            return
        self.total += 1
        if status is Status.WARNING:
            self.warnings += 1
        if status in (Status.SUCCESS, Status.WARNING):
            return
        if by in UNCOUNTED:
            return
        if on_error is OnError.WARNING:
            self.tolerations += 1
            self.tolerated = lowest(self.tolerated, job_id)
            return
        self.failures += 1
        self.failed = lowest(self.failed, job_id)
        if self.failed[0] == job_id:
            self.cause = cause
        if on_error is OnError.STOP:
            self.stopped = True

    def status(self) -> Status:
        """Return the final status of a container that has started."""
        if self.failures:
            return Status.ERROR
        return Status.WARNING if self.tolerations or self.warnings else Status.SUCCESS

    def result(self) -> dict[str, Any]:
        """Return the container's result, with an error if a child failed and that is not tolerated."""
        message = self.message()
        if not self.failures:
            return {"message": message}
        error: dict[str, Any] = {
            "type": "user",
            "kind": "dependency",
            "exitCode": None,
            "signal": None,
            "message": message,
        }
        if self.cause is not None:
            error["cause"] = self.cause
        return {"message": message, "error": error}

    def message(self) -> str:
        """Describe how the children ended, in a sentence that names the first few that failed."""
        if not self.total:
            return "No configurations executed."
        parts = []
        if self.failures:
            named = _named(self.failed, self.failures)
            parts.append(f"{self.failures} of {_jobs(self.total)} failed: {named}")
        if self.tolerations:
            named = _named(self.tolerated, self.tolerations)
            parts.append(f"{self.tolerations} of {_jobs(self.total)} failed, which is tolerated: {named}")
        if self.warnings:
            parts.append(f"{self.warnings} of {_jobs(self.total)} ended with a warning")
        if not parts:
            return "Its job ended well." if self.total == 1 else f"All {self.total} jobs ended well."
        return "; ".join(parts) + "."


def cause_of(job_id: int, error: "Mapping[str, Any] | None", message: str | None) -> "Cause | None":
    """Return the cause of a failure with this `result.error` and message; a container has its child's."""
    if error is not None and error.get("cause"):
        return cast("Cause", error["cause"])
    line = (message or "").strip().partition("\n")[0]
    return {"job": str(job_id), "message": line} if error is not None and line else None


def lowest(known: tuple[int, ...], job_id: int) -> tuple[int, ...]:
    """Add an id to the `NAMED` lowest ids; the order in which ids arrive does not matter."""
    if len(known) == NAMED and job_id > known[-1]:
        return known
    return tuple(sorted((*known, job_id))[:NAMED])


def _jobs(number: int) -> str:
    return "1 job" if number == 1 else f"{number} jobs"


def _named(ids: tuple[int, ...], number: int) -> str:
    more = f" and {number - len(ids)} more" if number > len(ids) else ""
    return ", ".join(map(str, ids)) + more


class Container(Job):
    """A container that is not final.

    `children` are its live strong children by id, in the order of their creation. `rows` is the gate that
    limits them, None when all may run at once. `delays` are the children's delays that count from its start,
    `pool_id` is the pool it passes on, `result` is what was put there when it was created.

    In a retry container `policy` says when there is another attempt, `attempts` counts them, and `about` is
    put into the event of a new one.
    """

    __slots__ = (
        "about",
        "attempts",
        "child_lineage",
        "children",
        "delays",
        "policy",
        "pool_id",
        "result",
        "rows",
        "tally",
        "title",
        "type",
    )

    def __init__(
        self, job_id: int, project: str, owner_uid: int, demand: "Demand", now_us: int, type_: JobType
    ) -> None:
        super().__init__(job_id, project, owner_uid, demand, now_us)
        self.type = type_
        self.children: dict[int, Job] = {}
        self.tally = Tally()
        self.rows: ParallelGate | None = None
        self.delays: dict[int, int] = {}
        self.pool_id = ""
        self.title: str | None = None
        self.result: Mapping[str, Any] | None = None
        self.policy: RetryPolicy | None = None
        self.attempts = 0
        self.about: Mapping[str, Any] = {}
        self.child_lineage: tuple[int, ...] = (job_id,)

    @property
    def limit(self) -> int | None:
        """Return how many children may run at once; None for any number."""
        return self.rows.limit if self.rows is not None else None

    def limit_to(self, parallelism: int | None) -> None:
        """Let at most that many children run at once."""
        if parallelism is not None:
            self.rows = ParallelGate(self, parallelism)
