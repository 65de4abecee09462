"""A pool: a number of slots, and the jobs that take them.

Slots are never counted: `running` has the jobs of this pool that are processing or terminating, `checking`
those whose program is being checked. The latter already hold their slots, so that no other job overtakes them
and no more programs are checked at once than jobs could start.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from locksided.core.jobs import Job

FIRST_PAUSE_US = 1_000_000
LONGEST_PAUSE_US = 60_000_000


LOCAL = "local"
PAUSE, NODES = "pause", "nodes"
OF_LOCAL = frozenset({PAUSE})
"""Capabilities of executors: suspending a run, running on several machines."""


@dataclass(frozen=True, slots=True)
class Site:
    """The place of a pool that does not run on this machine; `options` are interpreted by its executor.

    `backends` defines the sizes of jobs there.
    """

    executor: str
    options: Mapping[str, Any]
    backends: Mapping[str, Any]

    @property
    def work_root(self) -> str:
        """The folder that this machine and the site's machines share under one path."""
        return str(self.options.get("workRoot", ""))


def site_of(executor: str, options: Mapping[str, Any], backends: Mapping[str, Any]) -> Site | None:
    """Return the site of a pool; None for this machine."""
    return None if executor == LOCAL else Site(executor, options, backends)


@dataclass(frozen=True, slots=True)
class PoolSnapshot:
    """A pool as it is at one moment, for events and views."""

    id: str
    slots: int | None
    executor: str
    description: str
    is_paused: bool
    paused_by: str | None
    paused_us: int | None
    comment: str | None
    trouble_cause: str | None
    trouble_since_us: int | None
    options: Mapping[str, Any] = field(default_factory=dict)
    backends: Mapping[str, Any] = field(default_factory=dict)


class Trouble:
    """Why a pool can start nothing, since when, and when a trial is due (None: not before `ExecutorUp`).

    `remedy` is what a person can do about it; empty if unknown.
    """

    __slots__ = ("cause", "pause_us", "remedy", "retry_at_us", "since_us", "trial_id")

    def __init__(self, cause: str, since_us: int, remedy: str = "") -> None:
        self.cause = cause
        self.remedy = remedy
        self.since_us = since_us
        self.pause_us = 0
        self.retry_at_us: int | None = None
        self.trial_id: int | None = None

    @property
    def until_told(self) -> bool:
        """Whether only `ExecutorUp` ends it: there is no pause and no trial."""
        return not self.pause_us

    def wait_longer(self, now_us: int) -> None:
        """Double the pause, from one second to a minute."""
        self.pause_us = min(max(self.pause_us * 2, FIRST_PAUSE_US), LONGEST_PAUSE_US)
        self.retry_at_us = now_us + self.pause_us
        self.trial_id = None


class Pool:
    """A named set of slots. `slots` None means no limit; 0 pauses the pool.

    `heavy` are its jobs that take more than one slot, so that `taken` need not examine all jobs.
    `capabilities` are those of its executor; None until they are reported.
    """

    __slots__ = (
        "capabilities",
        "checking",
        "comment",
        "description",
        "full_since_us",
        "heavy",
        "id",
        "paused_by",
        "paused_us",
        "running",
        "site",
        "slots",
        "trouble",
    )

    def __init__(self, pool_id: str, slots: int | None, site: Site | None = None) -> None:
        self.id = pool_id
        self.slots = slots
        self.site = site
        self.description = ""
        self.paused_by: str | None = None
        self.paused_us = 0
        self.comment: str | None = None
        self.running: dict[int, Job] = {}
        self.checking: dict[int, Job] = {}
        self.full_since_us = 0
        self.trouble: Trouble | None = None
        self.heavy: dict[int, Job] = {}
        self.capabilities: frozenset[str] | None = OF_LOCAL if site is None else None

    def lacks(self, capability: str) -> bool:
        """Return whether its executor is known to lack a capability."""
        return self.capabilities is not None and capability not in self.capabilities

    @property
    def executor(self) -> str:
        """The kind of executor that runs its jobs."""
        return LOCAL if self.site is None else self.site.executor

    @property
    def slot_holders(self) -> list[int]:
        """The ids of the jobs that take its slots."""
        return [*self.running, *self.checking]

    @property
    def taken(self) -> int:
        """How many slots are taken."""
        extra = sum(job.demand.slots - 1 for job in self.heavy.values()) if self.heavy else 0
        return len(self.running) + len(self.checking) + extra

    def has_free(self, slots: int) -> bool:
        """Whether that many slots are free (a pool of 0 slots is paused, not full, until something runs)."""
        return self.slots is None or self.taken + slots <= max(self.slots, 1)

    def could_have(self, slots: int) -> bool:
        """Whether the pool has that many slots at all."""
        return self.slots is None or slots <= max(self.slots, 1)

    @property
    def is_full(self) -> bool:
        """Whether every slot is taken."""
        return not self.has_free(1)

    def admit(self, job: "Job") -> None:
        """Let a job that is starting take its slots."""
        self.running[job.id] = job
        self._weigh(job)

    def check(self, job: "Job") -> None:
        """Let a job whose program is being checked take its slots."""
        self.checking[job.id] = job
        self._weigh(job)

    def release(self, job: "Job") -> None:
        """Free the job's slots, if it took any."""
        for jobs in (self.running, self.checking, self.heavy):
            jobs.pop(job.id, None)

    def _weigh(self, job: "Job") -> None:
        if job.demand.slots > 1:
            self.heavy[job.id] = job

    @property
    def is_paused(self) -> bool:
        """Whether it is paused, or has 0 slots."""
        return self.paused_by is not None or self.slots == 0

    @property
    def is_troubled(self) -> bool:
        """Whether it can start nothing now. After a pause one job at a time is admitted as a trial."""
        trouble = self.trouble
        return trouble is not None and (
            trouble.until_told or trouble.retry_at_us is not None or trouble.trial_id is not None
        )

    @property
    def is_open(self) -> bool:
        """Whether a job could start if there were a slot for it."""
        return not self.is_paused and (self.trouble is None or not self.is_troubled)

    def snapshot(self) -> PoolSnapshot:
        """Return a copy of the pool's current values."""
        trouble = self.trouble
        return PoolSnapshot(
            id=self.id,
            slots=self.slots,
            executor=self.executor,
            description=self.description,
            is_paused=self.is_paused,
            paused_by=self.paused_by,
            paused_us=self.paused_us if self.paused_by is not None else None,
            comment=self.comment,
            trouble_cause=None if trouble is None else trouble.cause,
            trouble_since_us=None if trouble is None else trouble.since_us,
            options={} if self.site is None else self.site.options,
            backends={} if self.site is None else self.site.backends,
        )
