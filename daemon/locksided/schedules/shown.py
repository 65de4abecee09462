"""The view of a schedule: its document and its current state."""

from collections.abc import Sequence

from lockside.documents.enums import ScheduleStatus
from lockside.documents.reading import from_store
from lockside.documents.schedule import ScheduleSpec
from lockside.protocol.words import Role
from locksided import clock
from locksided.catalog.views import View, without_secrets
from locksided.core.moments import Terms
from locksided.schedules.changes import identity_of
from locksided.schedules.makers import GONE, shown
from locksided.schedules.standing import ZoneIsGone, status_of, terms_of
from locksided.server.access import Principal
from locksided.store import schedules
from locksided.store.rows import StoredRow
from locksided.store.sql import Database
from locksided.store.time_rows import MakerName, ScheduleRow

EXECUTIONS = 10

_NO_CALENDAR: View = {
    **dict.fromkeys(("nextMoment", "nextDueTime", "says")),
    "jitterOffsetSeconds": 0.0,
}


def members(connection: Database, project: str, found: Sequence[StoredRow]) -> list[View]:
    """Return the members of each schedule's view beside its document."""
    rows = schedules.of_ids(connection, project, [one.id for one in found])
    identity = identity_of(connection)
    return [_members(connection, one, rows.get(one.id), identity) for one in found]


def for_owner(who: Principal, view: View) -> View:
    """Return the whole view for the owner and admins; for others without secrets in its job."""
    owner = view.get("owner") or view.get("changedBy") or {}
    if who.role is Role.ADMIN or owner.get("uid") == who.uid:
        return view
    shown: View = without_secrets(view)
    return shown


def _members(connection: Database, one: StoredRow, row: ScheduleRow | None, identity: int) -> View:
    if row is None or one.deleted:
        return {**GONE, **_NO_CALENDAR, "settledTime": None, "executions": []}
    spec, name = from_store(one.body, ScheduleSpec), MakerName(row.project, row.id)
    status = status_of(spec, row)
    return {
        **shown(row, row.paused_until_us),
        "status": status,
        "statusCause": _cause(spec, row, status),
        "settledTime": clock.to_text(row.settled_us),
        "executions": [
            {"jobId": str(job.id), "executionTime": clock.to_text(job.created_us)}
            for job in schedules.made(connection, name, EXECUTIONS)
        ],
        **_calendar(connection, spec, row, status, identity),
    }


def _calendar(
    connection: Database,
    spec: ScheduleSpec,
    row: ScheduleRow,
    status: ScheduleStatus,
    identity: int,
) -> View:
    name = MakerName(row.project, row.id)
    try:
        terms = terms_of(spec, name, identity)
    except ZoneIsGone:
        return _NO_CALENDAR
    decided = schedules.decided_behind(connection, name, row.settled_us)
    next_us = upcoming(terms, row.settled_us, decided) if status is ScheduleStatus.ACTIVE else None
    dst = spec.effective_dst()
    return {
        "dst": {"gap": dst.gap, "fold": dst.fold},
        "nextMoment": clock.to_text(next_us),
        "nextDueTime": None if next_us is None else clock.to_text(next_us + terms.offset_us),
        "jitterOffsetSeconds": terms.offset_us / clock.SECOND_US,
        "says": spec.sentence(),
    }


def upcoming(terms: Terms, settled_us: int, decided: Sequence[tuple[int, int]] = ()) -> int | None:
    """Return the next moment that will fire: neither excluded nor decided before."""
    closed = [*terms.exclusions, *((first, last + 1) for first, last in decided)]
    moment_us = terms.calendar.after(settled_us)
    while moment_us is not None:
        ends = [end for start, end in closed if start <= moment_us < end]
        if not ends:
            return moment_us
        moment_us = terms.calendar.after(max(ends) - 1)
    return None


def _cause(spec: ScheduleSpec, row: ScheduleRow, status: ScheduleStatus) -> str | None:
    match status:
        case ScheduleStatus.BROKEN:
            return row.broken
        case ScheduleStatus.PAUSED:
            return (row.pause or {}).get("comment")
        case ScheduleStatus.FINISHED if spec.max_firings is not None and row.firings >= spec.max_firings:
            return f"It has made {row.firings} jobs, as many as `maxFirings` says."
        case ScheduleStatus.FINISHED:
            return "Its last moment has passed."
        case ScheduleStatus.ACTIVE | ScheduleStatus.DISABLED:
            return None
