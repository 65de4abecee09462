"""The status of a schedule, for lists, and the pages of its ledger."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from lockside.documents.enums import MomentCause
from lockside.documents.reading import from_store
from lockside.documents.schedule import ScheduleSpec
from lockside.kinds import SCHEDULE
from lockside.protocol.methods import schedules as p
from locksided import clock, threads
from locksided.api.paging import listed
from locksided.api.service import Service
from locksided.core.errors import NotFound
from locksided.core.moments import sort_due
from locksided.schedules.makers import Stand
from locksided.schedules.settling import Found, read
from locksided.schedules.standing import standing_of, status_of, terms_of
from locksided.store import schedules
from locksided.store.catalog import objects
from locksided.store.catalog.keys import Key
from locksided.store.paging import PageRequest, Slice
from locksided.store.schedules import LedgerEntry, LedgerFilter
from locksided.store.sql import Database
from locksided.store.time_rows import MakerName

View = dict[str, Any]


def stand(connection: Database, project: str, body: Mapping[str, Any]) -> Stand | None:
    """Return the owner and status of a schedule; None if there is none."""
    row = schedules.find(connection, MakerName(project, body["id"]))
    return None if row is None else Stand(row.owner_name, status_of(from_store(body, ScheduleSpec), row))


async def ledger_page(service: Service, params: p.ScheduleLedger) -> View:
    """Return a page of a schedule's ledger, newest first; those of a pause precede the first page."""
    name = MakerName(params.project, params.id)
    wanted = LedgerFilter(
        _us(params.moment or params.since),
        _us(params.moment or params.to),
        tuple(params.outcomes),
    )
    request = service.page_request(params)
    found, page = await service.store.read(partial(_read, name=name, wanted=wanted, request=request))
    pending = []
    if found is not None and params.cursor is None:
        pending = await threads.run_sync(_pending, service.store.identity, found, wanted)
    return listed("rows", page, _entry_view, request.max_bytes, always=pending)


def _us(text: str | None) -> int | None:
    return None if text is None else clock.from_text(text)


def _read(
    connection: Database, name: MakerName, wanted: LedgerFilter, request: PageRequest
) -> tuple[Found | None, Slice[LedgerEntry]]:
    if not objects.was_ever(connection, Key(name.project, SCHEDULE, (name.id,))):
        raise NotFound(f"There is no schedule {name.id}.", path="$.id")
    return read(connection, name), schedules.ledger(connection, name, wanted, request)


def _pending(identity: int, found: Found, wanted: LedgerFilter) -> list[View]:
    """Return the moments that fell into a current pause, newest first."""
    standing = standing_of(found.row, found.decided)
    if standing.pause is None or found.row.broken is not None:
        return []
    due = sort_due(terms_of(found.spec, found.name, identity), standing, clock.now_us())
    rows = [one for one in reversed(due.stretches) if one.cause in (MomentCause.PAUSED, MomentCause.DISABLED)]
    return [
        {
            "moment": clock.to_text(one.first_us),
            "lastMoment": clock.to_text(one.last_us),
            "count": one.count,
            "outcome": one.outcome,
            "cause": one.cause,
            "version": found.version,
            **dict.fromkeys(
                ("wall", "dueTime", "decidedTime", "latenessSeconds", "job", "jobStatus", "error")
            ),
            "backfills": [],
        }
        for one in rows
        if wanted.has(one.first_us, one.last_us, one.outcome)
    ]


def _entry_view(entry: LedgerEntry) -> View:
    row = entry.row
    assert row.decided_us is not None
    return {
        "moment": clock.to_text(row.moment_us),
        "lastMoment": clock.to_text(row.last_us),
        "count": row.count,
        "wall": row.wall,
        "dueTime": clock.to_text(row.due_us),
        "decidedTime": clock.to_text(row.decided_us),
        "latenessSeconds": max(row.decided_us - row.due_us, 0) / clock.SECOND_US,
        "outcome": row.outcome,
        "cause": row.cause,
        "job": None if row.job_id is None else str(row.job_id),
        "jobStatus": entry.job_status,
        "version": row.version,
        "error": row.error,
        "backfills": [str(job_id) for job_id in entry.further],
    }
