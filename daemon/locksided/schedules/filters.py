"""Which schedules or triggers a list has."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from lockside.documents.enums import ScheduleStatus
from lockside.kinds import Kind
from lockside.protocol.methods.job_makers import MakerList
from locksided.store.catalog.keys import Listing, all_of
from locksided.store.sql import Database


class Stand(NamedTuple):
    """Whose it is, and where it stands."""

    owner: str
    status: ScheduleStatus


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
