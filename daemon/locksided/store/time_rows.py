"""Rows of schedules and triggers: their state, and the outcomes of moments and causes."""

from typing import Any, NamedTuple

import msgspec


class MakerName(NamedTuple):
    """The identification of a schedule, or a trigger."""

    project: str
    id: str


class ScheduleRow(msgspec.Struct, frozen=True):
    """The state of a schedule; `pause` has `by` and `comment`. `due_us` None is never."""

    project: str
    id: str
    owner_uid: int
    owner_gid: int
    owner_name: str
    zone: str
    zone_digest: str
    settled_us: int
    settled_wall_us: int
    due_us: int | None = None
    paused_us: int | None = None
    paused_until_us: int | None = None
    pause: dict[str, Any] | None = None
    disabled_us: int | None = None
    broken: str | None = None
    firings: int = 0
    failures: int = 0
    fired_us: int | None = None


class TriggerRow(msgspec.Struct, frozen=True):
    """The state of a trigger; `pause` has `by` and `comment`. `due_us` None is never.

    `watched` has the time since when each condition of files holds, in nanoseconds.
    """

    project: str
    id: str
    owner_uid: int
    owner_gid: int
    owner_name: str
    since_seq: int
    due_us: int | None = None
    fired_us: int | None = None
    paused_us: int | None = None
    pause: dict[str, Any] | None = None
    is_disabled: int = 0
    firings: int = 0
    failures: int = 0
    broken: str | None = None
    watched: dict[str, int] = {}


class CauseRow(msgspec.Struct, frozen=True):
    """A cause that a trigger received, in wire form; `seq` is the event's, None for a file."""

    seq: int | None
    time_us: int
    conditions: list[int]
    heard: dict[str, Any]
    depth: int
    number: int = 0


class FiringRow(msgspec.Struct, frozen=True):
    """The outcome of a trigger's causes; `last_cause` is the number of the last, None without causes."""

    last_cause: int | None
    decided_us: int
    outcome: str
    because: str
    job_id: int | None
    version: int
    causes: list[dict[str, Any]]
    error: dict[str, Any] | None = None
    number: int = 0


class MomentRow(msgspec.Struct, frozen=True):
    """The outcome of one moment, or of `count` consecutive moments (None: too many to be counted)."""

    moment_us: int
    last_us: int
    count: int | None
    wall: str
    due_us: int
    decided_us: int | None
    outcome: str
    cause: str
    job_id: int | None
    version: int
    error: dict[str, Any] | None = None


class MadeJob(msgspec.Struct, frozen=True):
    """A job that a schedule made, and its status; `schedule` is what it learns of its moment."""

    id: int
    status: str
    created_us: int
    schedule: dict[str, Any]


class WatcherRow(msgspec.Struct, frozen=True):
    """The watcher of a user's folders; `watches` is its order, and its log was read up to `next_seq`."""

    uid: int
    token: str
    watches: list[dict[str, Any]]
    next_seq: int
