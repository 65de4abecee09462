"""What schedules and triggers have in common: what is shown of both, and which of them a list has."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

from lockside.documents.enums import ScheduleStatus
from lockside.documents.schedule import JobMaker
from lockside.kinds import Kind
from lockside.protocol.methods.job_makers import MakerList
from locksided import clock
from locksided.schedules.owners import Owned
from locksided.store.catalog.keys import Key, Listing, all_of
from locksided.store.sql import Database
from locksided.store.time_rows import MakerName


class Stand(NamedTuple):
    """Whose it is, and where it stands."""

    owner: str
    status: ScheduleStatus


class MakerRow(Owned, Protocol):
    """What the rows of both have."""

    @property
    def paused_us(self) -> int | None: ...

    @property
    def pause(self) -> dict[str, Any] | None: ...

    @property
    def firings(self) -> int: ...

    @property
    def failures(self) -> int: ...


DAEMON = "daemon"
"""Who pauses one that must not go on."""

GONE: dict[str, Any] = {
    **dict.fromkeys(("owner", "status", "statusCause", "paused")),
    "firings": 0,
    "failuresInRow": 0,
}
"""What is shown of one that is deleted."""


def name_of(key: Key) -> MakerName:
    """The name of the schedule or trigger with a key."""
    return MakerName(key.project, key.id)


def fails_too_often(row: MakerRow, spec: JobMaker) -> bool:
    """Whether it is to be paused: as many in a row failed as it bears."""
    most = spec.pause_after_failures
    return most is not None and row.failures >= most and row.paused_us is None


def shown(row: MakerRow, paused_until_us: int | None = None) -> dict[str, Any]:
    """What the wire shows of both beside the document."""
    pause = row.pause or {}
    paused = {
        "by": pause.get("by"),
        "time": clock.to_text(row.paused_us),
        "comment": pause.get("comment"),
        "untilTime": clock.to_text(paused_until_us),
    }
    return {
        "owner": {"uid": row.owner_uid, "user": row.owner_name, "gid": row.owner_gid},
        "paused": None if row.paused_us is None else paused,
        "firings": row.firings,
        "failuresInRow": row.failures,
    }


StandOf = Callable[[Database, str, Mapping[str, Any]], Stand | None]
"""Finds that for the document of a project."""


def listing(kind: Kind, wanted: MakerList, stand: StandOf) -> Callable[[Database], Listing]:
    """What a list has, once there is a database to look at."""

    def choose(connection: Database) -> Listing:
        def keep(body: Mapping[str, Any]) -> bool:
            return _fits(wanted, body) and _stands(wanted, lambda: stand(connection, wanted.project, body))

        return all_of(kind, wanted.project, keep=keep)

    return choose


def _fits(wanted: MakerList, body: Mapping[str, Any]) -> bool:
    """Whether the document itself is wanted."""
    job = body.get("job") or {}
    return (
        wanted.component in (None, job.get("component"))
        and wanted.config in (None, job.get("config"))
        and any(str(body.get(name) or "").startswith(wanted.text or "") for name in ("id", "name"))
    )


def _stands(wanted: MakerList, find: Callable[[], Stand | None]) -> bool:
    if wanted.owner is None and not wanted.status:
        return True
    found = find()
    return (
        found is not None
        and wanted.owner in (None, found.owner)
        and (not wanted.status or found.status in wanted.status)
    )
