"""The core's record of a live job: small while it waits, larger while it runs.

The specification stays in the store; it is read when the job starts.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from lockside.documents.enums import JobType, OnError, OnLost, Status
from locksided.core.model import Condition, Program
from locksided.core.recoveries import Block
from locksided.core.resources import Share
from locksided.core.table_locks import TableClaim

if TYPE_CHECKING:
    from locksided.core.containers import Container
    from locksided.core.demands import Demand
    from locksided.core.gates import Gate
    from locksided.core.lines import Line
    from locksided.core.pools import Pool


class Terms(NamedTuple):
    """Terms of a job's request. Most jobs have the same terms: `terms` returns a shared record.

    `lock_share` is N of a lock that N jobs may share, 0 for an exclusive one. `on_error` says how a failure
    affects the job's container. With `reads_tables` its tables are pinned when it starts.
    """

    lock_share: int = 0
    on_lost: OnLost = OnLost.REQUEUE
    on_error: OnError | None = None
    reads_tables: bool = False


_WITHOUT_SHARE = {
    (on_lost, on_error): Terms(0, on_lost, on_error) for on_lost in OnLost for on_error in (None, *OnError)
}
USUAL_TERMS = _WITHOUT_SHARE[OnLost.REQUEUE, None]


def terms(lock_share: int, on_lost: OnLost, on_error: OnError | None, *, reads_tables: bool = False) -> Terms:
    """Return the record of these terms; shared locks and jobs that read tables get records of their own."""
    if lock_share or reads_tables:
        return Terms(lock_share, on_lost, on_error, reads_tables)
    return _WITHOUT_SHARE[on_lost, on_error]


class HeldBy:
    """Who holds a job or drains the daemon, and since when."""

    __slots__ = ("by", "since_us")

    def __init__(self, by: str, since_us: int) -> None:
        self.by = by
        self.since_us = since_us


class Run:
    """The runs of a job that was told to start at least once.

    `launches` counts intents to start, `starts` actual starts. `token` is None between launches, and while
    the run waits for the tables of its `claim`: then its time is suspended as in a pause, without a user.
    `stages` are the stages of this launch and when they were reached. `shares` are its shares of resources,
    by their ids. `block` is set while recovery blocks the job, `blocked_count` counts the blocks,
    `blocked_us` is the time of the first. `engine` is what an engine reports while it looks for a machine:
    the run's time is suspended then.
    """

    __slots__ = (
        "block",
        "blocked_count",
        "blocked_us",
        "claim",
        "duration_us",
        "engine",
        "launches",
        "lost_count",
        "message_told",
        "paused_by",
        "paused_since_us",
        "paused_us",
        "preempted_count",
        "shares",
        "spawned",
        "stages",
        "start_us",
        "starts",
        "step",
        "stop_asked",
        "survivors",
        "token",
    )

    def __init__(self) -> None:
        self.launches = 0
        self.starts = 0
        self.lost_count = 0
        self.preempted_count = 0
        self.step = 0
        self.token: str | None = None
        self.spawned = False
        self.survivors = False
        self.stop_asked = False
        self.start_us = 0
        self.paused_since_us: int | None = None
        self.paused_by: str | None = None
        self.paused_us = 0
        self.duration_us = 0
        self.stages: dict[str, int] = {}
        self.claim: TableClaim | None = None
        self.block: Block | None = None
        self.blocked_count = 0
        self.blocked_us: int | None = None
        self.shares: dict[str, Share] = {}
        self.engine: Mapping[str, Any] | None = None
        self.message_told = ""

    @property
    def waits_for_tables(self) -> bool:
        """Return whether the next step starts when the run gets the tables that it claimed."""
        return self.claim is not None and self.token is None

    def end_pause(self, now_us: int) -> None:
        """End the current pause, if there is one."""
        if self.paused_since_us is not None:
            self.paused_us += max(now_us - self.paused_since_us, 0)
            self.paused_since_us = self.paused_by = None

    def stand_still(self, since_us: int) -> dict[str, Any]:
        """Suspend its time since then, unless it already is; returns the columns to save."""
        if self.paused_since_us is not None:
            return {}
        self.paused_since_us = since_us
        return {"paused_since_us": since_us}

    def go_on(self, now_us: int) -> dict[str, Any]:
        """End a pause that no user requested; returns the columns to save."""
        self.engine = None
        if self.paused_since_us is None or self.paused_by is not None:
            return {}
        self.end_pause(now_us)
        return {"paused_us": self.paused_us, "paused_since_us": None}

    def exclude_jump(self, by_us: int) -> dict[str, int]:
        """Exclude a jump of the clock, forward or back, from the run's time; returns the columns to save."""
        self.paused_us += by_us
        if self.paused_since_us is None:
            return {"paused_us": self.paused_us}
        self.paused_since_us += by_us
        return {"paused_us": self.paused_us, "paused_since_us": self.paused_since_us}

    def end_processing(self, now_us: int) -> dict[str, Any]:
        """Add the time since the start, without pauses, to the duration; returns the columns to save."""
        columns: dict[str, Any] = {}
        if self.paused_since_us is not None:
            columns = {"paused_since_us": None, "paused_by": None}
        self.end_pause(now_us)
        self.duration_us += max(now_us - self.start_us - self.paused_us, 0)
        return {**columns, "paused_us": self.paused_us, "duration_us": self.duration_us}


class Job:
    """A job that is not final. `order` is its line order, `ready_us` when it last became ready.

    `lineage` holds the ids of its ancestors, root first. `pending` maps the jobs it still depends on to
    conditions. `line` is the line it is in, or None. `container` is set for a strong child. `pool` is the
    first of the pools of its `demand` until it starts, and then the one where it runs.
    """

    type: JobType = JobType.STANDARD
    program: Program = Program.PRESENT

    __slots__ = (
        "container",
        "created_us",
        "demand",
        "gate",
        "held",
        "id",
        "line",
        "lineage",
        "order",
        "owner_uid",
        "pending",
        "pool",
        "priority",
        "project",
        "ready_us",
        "run",
        "start_at_us",
        "status",
        "terms",
    )

    def __init__(self, job_id: int, project: str, owner_uid: int, demand: "Demand", now_us: int) -> None:
        self.id = job_id
        self.project = project
        self.owner_uid = owner_uid
        self.demand = demand
        self.pool: Pool = demand.pools[0]
        self.status = Status.CREATED
        self.priority = 0
        self.order = job_id
        self.gate: Gate | None = None
        self.line: Line | None = None
        self.lineage: tuple[int, ...] = ()
        self.container: Container | None = None
        self.created_us = now_us
        self.ready_us = now_us
        self.start_at_us: int | None = None
        self.held: HeldBy | None = None
        self.pending: dict[int, Condition] | None = None
        self.terms = USUAL_TERMS
        self.run: Run | None = None

    @property
    def lock_share(self) -> int:
        """How many jobs may share its lock; 0 for an exclusive lock."""
        return self.terms.lock_share

    @property
    def run_id(self) -> str:
        """The ids of its ancestors and its own, joined by dots."""
        if not self.lineage:
            return str(self.id)
        return ".".join(map(str, (*self.lineage, self.id)))

    @property
    def first_stages(self) -> dict[str, int]:
        """The stages that every accepted job has passed, with their times."""
        return {"accepted": self.created_us, "validated": self.created_us}

    @property
    def starts(self) -> int:
        """How often one of its processes was started."""
        return self.run.starts if self.run is not None else 0

    @property
    def is_container_started(self) -> bool:
        """Whether its container, if any, has started; in that case all containers above have started, too."""
        return self.container is None or self.container.has_started

    @property
    def stands_in_line(self) -> bool:
        """Whether only its gate, its pool or the daemon as a whole can still keep it from starting.

        A job that is blocked, or whose program is being checked or fetched, is in no line.
        """
        if self.start_at_us is not None or self.held is not None or self.pending:
            return False
        is_settled = self.program is Program.PRESENT or self.program.is_settled
        is_blocked = self.run is not None and self.run.block is not None
        return is_settled and not is_blocked and (self.container is None or self.container.has_started)

    @property
    def waiting_since_us(self) -> int:
        """When it last became ready; for a child not before its container started."""
        container_run = self.container.run if self.container is not None else None
        released_us = container_run.start_us if container_run is not None else 0
        return max(self.ready_us, self.created_us, released_us)  # the clock may have been set back meanwhile

    @property
    def block(self) -> Block | None:
        """Why recovery blocks it; None if it does not."""
        return self.run.block if self.run is not None else None

    @property
    def keeps_lock(self) -> bool:
        """Whether it holds its lock although it is blocked. The gate of rows is not a lock."""
        block = self.block
        is_lock = self.gate is not None and self.gate.lock_key is not None
        return block is not None and block.terms.hold_lock and is_lock

    @property
    def has_started(self) -> bool:
        """Whether it is processing or terminating, and therefore holds its lock and slots."""
        return self.status is Status.PROCESSING or self.status is Status.TERMINATING


class UnverifiedJob(Job):
    """A job whose program may not exist. A separate class, so that other jobs need no memory for it.

    `awaits` says why its program is not available yet, while it is being fetched.
    """

    __slots__ = ("awaits", "program")

    def __init__(self, job_id: int, project: str, owner_uid: int, demand: "Demand", now_us: int) -> None:
        super().__init__(job_id, project, owner_uid, demand, now_us)
        self.program = Program.UNVERIFIED
        self.awaits: str | None = None
