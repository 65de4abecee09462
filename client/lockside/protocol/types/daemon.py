"""The state of the daemon and the reports of its checks."""

from typing import Any, Literal

import msgspec

from lockside.documents.base import Out
from lockside.protocol.types.stored import Pool


class StoreStatus(Out, frozen=True, kw_only=True):
    """The state of the database.

    Attributes:
        is_writable: Whether the database can be written.
        cause: Why it cannot be written.
        remedy: What to do about it.
        schema_version: The version of the schema.
        size_bytes: The size of the database.
        identity: The database's own id.
    """

    is_writable: bool
    cause: str | None = None
    remedy: str | None = None
    schema_version: int | None = None
    size_bytes: int | None = None
    identity: str | None = None


class KeeperStatus(Out, frozen=True, kw_only=True):
    """A keeper of job processes: how many it keeps, and whether its code is of another release.

    `cause` says why no keeper answers.

    Attributes:
        is_connected: Whether the keeper answers.
        pid: Its process id.
        protocol_version: The version of its protocol.
        is_outdated: Whether it runs the code of another release.
        runs: How many process trees it keeps.
        kills_by: How it finds the processes of a job.
        cause: Why no keeper answers.
    """

    is_connected: bool
    pid: int | None = None
    protocol_version: int | None = None
    is_outdated: bool | None = None
    runs: int = 0
    kills_by: Literal["cgroup", "scan"] | None = None
    cause: str | None = None


class ZoneDatabase(Out, frozen=True, kw_only=True):
    """The source of time zones.

    Attributes:
        source: `system`, or the package `tzdata`.
        version: The version, if known.
    """

    source: str
    version: str | None = None


class DrainStatus(Out, frozen=True, kw_only=True):
    """Since when the daemon is draining.

    Attributes:
        since: When it began.
        by: The user who asked for it; `restore` after a backup was restored.
    """

    since: str
    by: str


class DaemonStatus(Out, frozen=True, kw_only=True):
    """The state of the daemon.

    `keeper` starts new jobs; `formerKeepers` are those of other releases, until their jobs have ended.

    Attributes:
        version: The daemon's version.
        pid: Its process id.
        uptime_seconds: How long it has been running.
        started_time: When it started.
        is_draining: Whether it starts no more jobs.
        is_drained: Whether it drains and no standard job runs.
        drain: Since when and by whom; null if it does not drain.
        counts: The number of jobs by status.
        pools: The pools and how full they are.
        store: The database.
        keeper: The keeper that starts new jobs.
        former_keepers: Keepers of other releases that still keep jobs.
        timezones: The database of time zones.
        state_dir: The state folder.
        socket: The socket that clients connect to.
        clock: The clock it uses: `system`, or a `test` clock that an admin moves.
    """

    version: str
    pid: int
    uptime_seconds: float
    started_time: str
    is_draining: bool
    is_drained: bool
    drain: DrainStatus | None = None
    counts: dict[str, int]
    pools: list[Pool]
    store: StoreStatus
    timezones: ZoneDatabase = ZoneDatabase(source="none")
    keeper: KeeperStatus
    former_keepers: list[KeeperStatus] = msgspec.field(default_factory=list)
    state_dir: str | None = None
    socket: str | None = None
    clock: Literal["system", "test"] = "system"


class Health(Out, frozen=True, kw_only=True):
    """Whether jobs can be accepted and started.

    Attributes:
        status: `ready`, or `unavailable`.
        causes: A sentence for each obstacle; empty if it is ready.
    """

    status: Literal["ready", "unavailable"]
    causes: list[str] = []


class Reloaded(Out, frozen=True, kw_only=True):
    """Settings that changed, and those that need a restart.

    Attributes:
        changed: Settings that changed.
        needs_restart: Settings that take effect at the next start.
    """

    changed: list[str]
    needs_restart: list[str]


class Problem(Out, frozen=True, kw_only=True):
    """A problem and its repair.

    Attributes:
        kind: The kind of problem.
        message: What is wrong.
        repair: What to do.
        since: Since when.
        can_fix: Whether `daemon.check` with `fix` makes the repair.
        is_fixed: Whether the repair was made.
        details: More facts.
    """

    kind: str
    message: str
    repair: str | None = None
    since: str | None = None
    can_fix: bool = False
    is_fixed: bool = False
    details: dict[str, Any] = {}


class CheckReport(Out, frozen=True, kw_only=True):
    """The result of a check.

    Attributes:
        problems: The problems; empty if there are none.
    """

    problems: list[Problem]


class Backup(Out, frozen=True, kw_only=True):
    """Where a backup of the database was written.

    Attributes:
        path: The file.
        size_bytes: Its size.
        time: When it was made.
        key_ids: The keys needed for its secrets; the backup does not contain the keys.
    """

    path: str
    size_bytes: int
    time: str
    key_ids: list[str] = []
