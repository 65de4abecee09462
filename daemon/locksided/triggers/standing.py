"""The state of a trigger: how a change of its document affects it, and its view."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from lockside.documents.enums import ScheduleState, ScheduleStatus, TriggerWhen
from lockside.documents.reading import from_store
from lockside.documents.trigger import FilesCondition, TriggerSpec
from locksided import clock
from locksided.catalog.views import View
from locksided.core.triggers import MOST_OF_A_FIRING, Cause, Rule, fires_at
from locksided.schedules import makers
from locksided.schedules.makers import DAEMON, GONE, Stand, fails_too_often, name_of, shown
from locksided.schedules.standing import us
from locksided.server.access import Principal
from locksided.store import triggers, watching
from locksided.store.catalog.keys import Change, Key
from locksided.store.rows import StoredRow
from locksided.store.sql import Database
from locksided.store.time_rows import CauseRow, MakerName, TriggerRow
from locksided.store.transaction import Transaction
from locksided.store.writes import json_text


def rule_of(spec: TriggerSpec) -> Rule:
    """Return the core's rule for a trigger."""
    return Rule(
        len(spec.on),
        spec.when is TriggerWhen.ALL,
        us(spec.cool_down_seconds),
        us(spec.quiet_seconds),
        us(spec.max_wait_seconds),
    )


def with_due(row: TriggerRow, spec: TriggerSpec, causes: Sequence[CauseRow]) -> TriggerRow:
    """Return the row with the time at which it fires."""
    if row.paused_us is not None or row.is_disabled:
        return msgspec.structs.replace(row, due_us=None)
    heard = [Cause(one.time_us, frozenset(one.conditions)) for one in causes]
    return msgspec.structs.replace(row, due_us=fires_at(rule_of(spec), heard, row.fired_us))


def planned(tx: Transaction, row: TriggerRow, spec: TriggerSpec) -> None:
    """Store a row with the time at which it fires, given its stored causes."""
    causes = triggers.causes(tx.reading(), MakerName(row.project, row.id), MOST_OF_A_FIRING)
    triggers.save(tx, with_due(row, spec, causes))


def tell(
    tx: Transaction, name: MakerName, what: str, *, principal: Mapping[str, Any] | None = None, **data: Any
) -> None:
    """Add an event of a trigger."""
    fields = {"id": name.id, **data}
    tx.event(clock.now_us(), f"trigger.{what}", name.project, principal=principal, data=fields)


def paused(
    tx: Transaction, row: TriggerRow, by: str, comment: str | None, principal: Any = None
) -> TriggerRow:
    """Return the row of a trigger that is paused from now on."""
    tell(tx, MakerName(row.project, row.id), "paused", principal=principal, comment=comment)
    pause = {"by": by, "comment": comment}
    return msgspec.structs.replace(row, paused_us=clock.now_us(), pause=pause, due_us=None)


def paused_if_failing(tx: Transaction, row: TriggerRow, spec: TriggerSpec, last: str) -> TriggerRow:
    """Return the row, paused if more firings in a row failed than the trigger allows."""
    if not fails_too_often(row, spec):
        return row
    return paused(tx, row, DAEMON, f"{row.failures} in a row failed; {last}")


# -- changes ------------------------------------------------------------------------------------------------


def refuse_others(connection: Database, key: Key, who: Principal) -> None:
    """Raise Forbidden unless the caller owns it, or is an admin."""
    makers.refuse_others(triggers.find(connection, name_of(key)), who, key.path())


def changed(tx: Transaction, key: Key, before: StoredRow | None, after: StoredRow, change: Change) -> None:
    """Create the trigger of a stored document, which reacts to later events, or update an existing one."""
    name, spec = name_of(key), from_store(after.body, TriggerSpec)
    row = triggers.find(tx.connection, name)
    if row is None:
        row = _new(tx, name, change)
        triggers.add(tx, row)
    elif before is not None and from_store(before.body, TriggerSpec).on != spec.on:
        triggers.forget_causes(tx, name)  # they belong to the old conditions
        row = msgspec.structs.replace(row, since_seq=tx.last_seq)
    is_same = before is not None and before.version == after.version
    if is_same and (change.owner is not None or row.broken is not None):  # else the catalog adds it
        owner = {} if change.owner is None else {"owner": change.owner["user"]}
        tell(tx, name, "updated", principal=change.by, version=after.version, **owner)
    watching.forget_folders(tx, name, but=[one.files.folder for one in spec.on if one.files])
    row = msgspec.structs.replace(
        makers.with_owner(row, change.owner),
        is_disabled=int(spec.state is ScheduleState.DISABLED),
        broken=None,
        watched=_watched(row, spec),
    )
    planned(tx, row, spec)


def _new(tx: Transaction, name: MakerName, change: Change) -> TriggerRow:
    owner = makers.columns_of(change.owner or change.by)
    return TriggerRow(project=name.project, id=name.id, since_seq=tx.last_seq, **owner)


def _watched(row: TriggerRow, spec: TriggerSpec) -> dict[str, int]:
    """Return for each condition on files since when files count: those that exist at its first put do not.

    Files that appear while the trigger is disabled do not count either.
    """
    now_ns = clock.real_file_ns()
    before = {} if row.is_disabled else row.watched
    return {
        key: before.get(key, 0 if one.files.existing and key not in row.watched else now_ns)
        for one in spec.on
        if one.files is not None
        for key in [watch_key(one.files)]
    }


def watch_key(files: FilesCondition) -> str:
    """Return a key that identifies a condition on files."""
    return json_text([files.folder, files.match, sorted(files.exclude)])


def deleted(tx: Transaction, key: Key, _change: Change) -> None:
    triggers.remove(tx, name_of(key))


# -- the wire -----------------------------------------------------------------------------------------------


def members(connection: Database, project: str, found: Sequence[StoredRow]) -> list[View]:
    """Return the members of each trigger's view beside its document."""
    rows = triggers.of_ids(connection, project, [one.id for one in found])
    return [_members(one, rows.get(one.id)) for one in found]


def status_of(row: TriggerRow) -> ScheduleStatus:
    if row.broken is not None:
        return ScheduleStatus.BROKEN
    if row.is_disabled:
        return ScheduleStatus.DISABLED
    return ScheduleStatus.ACTIVE if row.paused_us is None else ScheduleStatus.PAUSED


def stand(connection: Database, project: str, body: Mapping[str, Any]) -> Stand | None:
    """Return the owner and status of a trigger; None if there is none."""
    row = triggers.find(connection, MakerName(project, body["id"]))
    return None if row is None else Stand(row.owner_name, status_of(row))


def _members(one: StoredRow, row: TriggerRow | None) -> View:
    if row is None or one.deleted:
        return {**GONE, "nextTime": None}
    return {
        **shown(row),
        "status": status_of(row),
        "statusCause": row.broken or (row.pause or {}).get("comment"),
        "nextTime": clock.to_text(row.due_us),
    }
