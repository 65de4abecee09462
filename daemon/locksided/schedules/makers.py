"""What schedules and triggers have in common: ownership, their views, and the filters of lists."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol, TypeVar

import msgspec

from lockside.documents.enums import ScheduleStatus
from lockside.documents.schedule import JobMaker
from lockside.kinds import Kind
from lockside.protocol.methods.job_makers import MakerList
from lockside.protocol.words import Role
from locksided import clock, threads
from locksided.api.service import Service
from locksided.core.errors import Forbidden
from locksided.server.access import Principal
from locksided.server.peers import owner_now, user_of
from locksided.store.catalog.keys import Key, Listing, all_of
from locksided.store.sql import Database
from locksided.store.time_rows import MakerName

R = TypeVar("R", bound=msgspec.Struct)


class Owned(Protocol):
    """The row of an object that belongs to a user."""

    @property
    def id(self) -> str: ...

    @property
    def owner_uid(self) -> int: ...

    @property
    def owner_gid(self) -> int: ...

    @property
    def owner_name(self) -> str: ...


def refuse_others(row: Owned | None, who: Principal, path: str) -> None:
    """Raise Forbidden unless the caller owns it, or is an admin."""
    if row is not None and who.role is not Role.ADMIN and row.owner_uid != who.uid:
        raise Forbidden(
            f"{row.id} belongs to {row.owner_name}: only its owner or an admin can change it.",
            path=path,
            owner=row.owner_name,
        )


def columns_of(owner: Mapping[str, Any]) -> dict[str, Any]:
    """Return an owner as columns of a row."""
    return {"owner_uid": owner["uid"], "owner_gid": owner["gid"], "owner_name": owner["user"]}


def with_owner(row: R, owner: Mapping[str, Any] | None) -> R:
    """Return the row with another owner; None means no change."""
    return row if owner is None else msgspec.structs.replace(row, **columns_of(owner))


def check_may_steer(service: Service, row: Owned, who: Principal) -> None:
    """Raise Forbidden unless it is the caller's, the caller is an admin, or its group may by the settings."""
    shares = service.settings.access.group_shares and row.owner_gid in who.groups
    if who.role is not Role.ADMIN and row.owner_uid != who.uid and not shares:
        text = f"{row.id} belongs to {row.owner_name}: only its owner or an admin can do that."
        raise Forbidden(text, owner=row.owner_name)


async def current_owner(service: Service, row: Owned) -> Principal:
    """Return the owner with the owner's current rights. Raises Forbidden."""
    account = row.owner_uid, row.owner_gid, row.owner_name
    return await threads.run_sync(owner_now, service.access(), *account)


async def owner_at_put(service: Service, who: Principal, wanted: str | None, row: Owned | None) -> Principal:
    """Return the user whom the jobs run as: the one in the call, else the current owner, else the caller."""
    if wanted in (None, who.user):
        keeps = wanted is None and row is not None and row.owner_uid != who.uid and who.role is Role.ADMIN
        return await current_owner(service, row) if keeps and row is not None else who
    if who.role is not Role.ADMIN:
        text = "Naming another owner is the admin's: leave `owner` out, or ask an admin."
        raise Forbidden(text, path="$.owner")
    account = await threads.run_sync(user_of, wanted or "")
    return await threads.run_sync(owner_now, service.access(), *account)


class Stand(NamedTuple):
    """Its owner and status."""

    owner: str
    status: ScheduleStatus


class MakerRow(Owned, Protocol):
    """The columns that the rows of both have."""

    @property
    def paused_us(self) -> int | None: ...

    @property
    def pause(self) -> dict[str, Any] | None: ...

    @property
    def firings(self) -> int: ...

    @property
    def failures(self) -> int: ...


DAEMON = "daemon"
"""The user shown for pauses by the daemon."""

GONE: dict[str, Any] = {
    **dict.fromkeys(("owner", "status", "statusCause", "paused")),
    "firings": 0,
    "failuresInRow": 0,
}
"""The view of a deleted one."""


def name_of(key: Key) -> MakerName:
    """Return the name of the schedule or trigger with a key."""
    return MakerName(key.project, key.id)


def fails_too_often(row: MakerRow, spec: JobMaker) -> bool:
    """Return whether it is to be paused: it has reached its limit of failures in a row."""
    most = spec.pause_after_failures
    return most is not None and row.failures >= most and row.paused_us is None


def shown(row: MakerRow, paused_until_us: int | None = None) -> dict[str, Any]:
    """Return the members that the views of both have beside the document."""
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
"""Finds the owner and status for the document of a project."""


def listing(kind: Kind, wanted: MakerList, stand: StandOf) -> Callable[[Database], Listing]:
    """Return what a list contains, as a function of the database."""

    def choose(connection: Database) -> Listing:
        def keep(body: Mapping[str, Any]) -> bool:
            return _fits(wanted, body) and _stands(wanted, lambda: stand(connection, wanted.project, body))

        return all_of(kind, wanted.project, keep=keep)

    return choose


def _fits(wanted: MakerList, body: Mapping[str, Any]) -> bool:
    """Return whether the document itself matches the filter."""
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
