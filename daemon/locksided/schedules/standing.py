"""Builds the core's input about a schedule from its document and stored state. Pure.

Times are microseconds since the epoch.
"""

from collections.abc import Sequence
from hashlib import sha256

import msgspec

from lockside.calendar.walltimes import first_moment_us, plain_us, wall_of
from lockside.calendar.zones import UnknownZoneError, Zone, zone
from lockside.documents.enums import MisfirePolicy, MomentCause, ScheduleState, ScheduleStatus
from lockside.documents.schedule import ScheduleSpec
from locksided.core.errors import Conflict
from locksided.core.moments import Pause, Standing, Terms, next_due_us
from locksided.store.time_rows import MakerName, ScheduleRow

GONE = "gone"
"""The digest of a zone that is not in the database."""


class ZoneIsGone(Conflict):
    """The zone of a schedule is no longer in the database."""


def known_zone(name: str) -> Zone:
    """Return the zone of a schedule. Raises ZoneIsGone."""
    try:
        return zone(name)
    except UnknownZoneError as problem:
        raise ZoneIsGone(f"{problem}.", path="$.schedule.timezone") from None


def us(seconds: float) -> int:
    """Convert seconds to microseconds."""
    return round(seconds * 1_000_000)


def jitter_offset_us(spec: ScheduleSpec, name: MakerName, identity: int) -> int:
    """Return the delay of its moments: a fraction of `jitterSeconds`, constant for a store."""
    digest = sha256(f"{identity:015x}/{name.project}/{name.id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") * us(spec.jitter_seconds) // 2**64


def terms_of(spec: ScheduleSpec, name: MakerName, identity: int) -> Terms:
    """Return the terms of a schedule. Raises ZoneIsGone."""
    known_zone(spec.zone_name)
    within = spec.misfire.within_seconds
    return Terms(
        calendar=spec.calendar(),
        exclusions=spec.exclusions(),
        offset_us=jitter_offset_us(spec, name, identity),
        grace_us=us(spec.grace_seconds),
        misfire=spec.misfire.policy,
        within_us=None if within is None else us(within),
        limit=spec.misfire.limit,
    )


def pause_of(row: ScheduleRow, catch_up: MisfirePolicy | None = None) -> Pause | None:
    """Return the time in which it does not fire, from the earlier of its pause and its being disabled."""
    begun = [moment_us for moment_us in (row.paused_us, row.disabled_us) if moment_us is not None]
    if not begun:
        return None
    is_disabled = row.disabled_us is not None
    return Pause(
        from_us=min(begun),
        until_us=None if is_disabled else row.paused_until_us,
        cause=MomentCause.DISABLED if is_disabled else MomentCause.PAUSED,
        catch_up=catch_up,
    )


def standing_of(row: ScheduleRow, decided: Sequence[tuple[int, int]] = ()) -> Standing:
    """Return how far a schedule has been decided."""
    return Standing(row.settled_us, pause_of(row), decided)


def settled_at(row: ScheduleRow, moment_us: int) -> ScheduleRow:
    """Return the row of a schedule that is settled up to a moment. Raises ZoneIsGone."""
    wall_us = plain_us(wall_of(moment_us, known_zone(row.zone).rules))
    return msgspec.structs.replace(row, settled_us=moment_us, settled_wall_us=wall_us)


def with_due(row: ScheduleRow, spec: ScheduleSpec, identity: int) -> ScheduleRow:
    """Return the row with the time of its next decision; it is broken if its zone is gone."""
    try:
        terms = terms_of(spec, MakerName(row.project, row.id), identity)
    except ZoneIsGone as problem:
        return msgspec.structs.replace(row, zone_digest=GONE, broken=problem.message, due_us=None)
    is_over = spec.max_firings is not None and row.firings >= spec.max_firings
    due_us = None if is_over or row.broken is not None else next_due_us(terms, standing_of(row))
    return msgspec.structs.replace(row, due_us=due_us)


def in_changed_zone(row: ScheduleRow, spec: ScheduleSpec) -> ScheduleRow:
    """Return the row after the rules of its zone changed: wall times up to the last settled one stay settled.

    Raises ZoneIsGone.
    """
    known = known_zone(row.zone)
    row = msgspec.structs.replace(row, zone_digest=known.digest, broken=None)
    shown_us = plain_us(wall_of(row.settled_us, known.rules))
    if not spec.cron_lines or shown_us == row.settled_wall_us:
        return row
    wall = wall_of(row.settled_wall_us, zone("UTC").rules)
    return msgspec.structs.replace(row, settled_us=first_moment_us(wall, known.rules))


def status_of(spec: ScheduleSpec, row: ScheduleRow) -> ScheduleStatus:
    if row.broken is not None:
        return ScheduleStatus.BROKEN
    if spec.state is ScheduleState.DISABLED:
        return ScheduleStatus.DISABLED
    if row.paused_us is not None:
        return ScheduleStatus.PAUSED
    return ScheduleStatus.FINISHED if row.due_us is None else ScheduleStatus.ACTIVE
