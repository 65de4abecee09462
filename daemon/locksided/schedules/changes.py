"""How a change of a schedule's document affects its stored state. Functions of a transaction.

Editing never fires: what was due before is decided first, by the old version; else Unsettled is raised.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from lockside.documents.enums import ScheduleState
from lockside.documents.reading import from_store
from lockside.documents.schedule import ScheduleSpec
from locksided.core.errors import Conflict
from locksided.core.moments import sort_due
from locksided.schedules import makers
from locksided.schedules.makers import name_of
from locksided.schedules.standing import ZoneIsGone, known_zone, settled_at, standing_of, terms_of, with_due
from locksided.server.access import Principal
from locksided.settings import Settings
from locksided.store import reads, schedules
from locksided.store.catalog.keys import Change, Key
from locksided.store.rows import StoredRow
from locksided.store.sql import Database
from locksided.store.time_rows import MakerName, ScheduleRow
from locksided.store.transaction import Transaction


class Unsettled(Conflict):
    """The old version must decide on due moments first: settle `name`, then repeat the change."""

    def __init__(self, name: MakerName) -> None:
        super().__init__(f"Schedule {name.id} is firing at this moment: try again.")
        self.name = name


def identity_of(connection: Database) -> int:
    """Return the store's identity, from which the jitter is derived."""
    return int(reads.meta(connection, "identity") or "0", 16)


def completed(spec: ScheduleSpec, settings: Settings) -> ScheduleSpec:
    """Return the document with the zone of the settings, if it names none."""
    return spec.in_zone(settings.schedules.timezone)


def refuse_others(connection: Database, key: Key, who: Principal) -> None:
    """Raise Forbidden unless the caller owns it, or is an admin."""
    makers.refuse_others(schedules.find(connection, name_of(key)), who, key.path())


def require_settled(
    connection: Database, key: Key, before: StoredRow | None, body: Mapping[str, Any], time_us: int
) -> None:
    """Raise Unsettled if something undecided was due before a change of the calendar."""
    name = name_of(key)
    row = schedules.find(connection, name)
    if before is None or row is None or row.broken is not None:
        return
    old, spec = from_store(before.body, ScheduleSpec), from_store(body, ScheduleSpec)
    if not (old.same_calendar(spec) and old.state is spec.state):
        standing = standing_of(row, schedules.decided_behind(connection, name, row.settled_us))
        try:
            terms = terms_of(old, name, identity_of(connection))
        except ZoneIsGone:
            return  # nobody knows what was due
        due = sort_due(terms, standing, time_us)
        if due.stretches or due.candidates:
            raise Unsettled(name)


def changed(tx: Transaction, key: Key, before: StoredRow | None, after: StoredRow, change: Change) -> None:
    """Create the schedule of a stored document, or update an existing one."""
    name, spec = name_of(key), from_store(after.body, ScheduleSpec)
    row = schedules.find(tx.connection, name)
    if row is None:
        schedules.add(tx, _with_state(tx, _new(name, spec, change), spec, change))
        return
    old = None if before is None else from_store(before.body, ScheduleSpec)
    row = makers.with_owner(row, change.owner)
    if old is None or not old.same_calendar(spec):
        known = known_zone(spec.zone_name)
        row = msgspec.structs.replace(row, zone=known.name, zone_digest=known.digest, broken=None)
        row = settled_at(
            row, max(change.time_us, row.settled_us) if _is_near(row, change) else change.time_us
        )
    schedules.save(tx, _with_state(tx, row, spec, change))


def deleted(tx: Transaction, key: Key, _change: Change) -> None:
    """Remove the schedule; the outcomes of its moments stay."""
    schedules.remove(tx, name_of(key))


def _new(name: MakerName, spec: ScheduleSpec, change: Change) -> ScheduleRow:
    known = known_zone(spec.zone_name)
    row = ScheduleRow(
        project=name.project,
        id=name.id,
        **makers.columns_of(change.owner or change.by),
        zone=known.name,
        zone_digest=known.digest,
        settled_us=change.time_us,
        settled_wall_us=0,
    )
    return settled_at(row, change.time_us)


def _with_state(tx: Transaction, row: ScheduleRow, spec: ScheduleSpec, change: Change) -> ScheduleRow:
    """Return the row, enabled or disabled as the document says, with the time of its next decision."""
    if spec.state is ScheduleState.ENABLED:
        row = msgspec.structs.replace(row, disabled_us=None)
    elif row.disabled_us is None:
        row = msgspec.structs.replace(row, disabled_us=change.time_us)
    return with_due(row, spec, identity_of(tx.connection))


def _is_near(row: ScheduleRow, change: Change) -> bool:
    """Return whether the settled time is at most as far ahead as slightly different clocks explain."""
    return row.settled_us - change.time_us < 1_000_000
