# ruff: noqa: RUF012 - msgspec copies empty defaults, one for each object
"""What the daemon says of itself."""

from typing import Any, Literal

import msgspec

from lockside.documents.base import Out
from lockside.protocol.types.stored import Pool


class StoreStatus(Out, frozen=True, kw_only=True):
    """The database: whether it can be written, and why not."""

    is_writable: bool
    cause: str | None = None
    schema_version: int | None = None
    size_bytes: int | None = None
    identity: str | None = None


class KeeperStatus(Out, frozen=True, kw_only=True):
    """A keeper of job processes: what it keeps, and whether it runs other code than what is installed.

    `cause` says why none answers.
    """

    is_connected: bool
    pid: int | None = None
    protocol_version: int | None = None
    is_outdated: bool | None = None
    runs: int = 0
    kills_by: Literal["cgroup", "scan"] | None = None
    cause: str | None = None


class DaemonStatus(Out, frozen=True, kw_only=True):
    """How the daemon is. `isDrained` tells that no standard job is processing or terminating.

    `keeper` takes new starts; `formerKeepers` are those of other releases, until what they keep has ended.
    """

    version: str
    pid: int
    uptime_seconds: float
    started_time: str
    is_draining: bool
    is_drained: bool
    counts: dict[str, int]
    pools: list[Pool]
    store: StoreStatus
    keeper: KeeperStatus
    former_keepers: list[KeeperStatus] = msgspec.field(default_factory=list)
    state_dir: str | None = None
    socket: str | None = None


class Reloaded(Out, frozen=True, kw_only=True):
    """Settings that changed, and those that need a restart."""

    changed: list[str]
    needs_restart: list[str]


class Problem(Out, frozen=True, kw_only=True):
    """Something that is not as it should be, and what would mend it."""

    kind: str
    message: str
    repair: str | None = None
    since: str | None = None
    can_fix: bool = False
    is_fixed: bool = False
    details: dict[str, Any] = {}


class CheckReport(Out, frozen=True, kw_only=True):
    """What a check found; with no problems all is well."""

    problems: list[Problem]


class Backup(Out, frozen=True, kw_only=True):
    """Where a backup of the database was written."""

    path: str
    size_bytes: int
    time: str
