"""Where a trigger stands: what a change of its document means, and how the wire shows it."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from lockside.documents.enums import ScheduleState, ScheduleStatus, TriggerWhen
from lockside.documents.reading import from_store
from lockside.documents.trigger import TriggerSpec
from locksided import clock
from locksided.catalog.views import View
from locksided.core.errors import Limit
from locksided.core.triggers import MOST_OF_A_FIRING, Cause, Rule, fires_at
from locksided.schedules import owners
from locksided.schedules.standing import us
from locksided.server.access import Principal
from locksided.store import triggers
from locksided.store.catalog.keys import Change, Key
from locksided.store.rows import StoredRow
from locksided.store.sql import Database
from locksided.store.time_rows import CauseRow, TriggerRow
from locksided.store.transaction import Transaction
from locksided.store.triggers import TriggerName

MOST_OF_A_PROJECT = 1000

NOWHERE: View = {**dict.fromkeys(("owner", "status", "paused", "nextTime")), "firings": 0, "failuresInRow": 0}
"""Of a trigger that is deleted."""


def rule_of(spec: TriggerSpec) -> Rule:
    """What a trigger asks for."""
    return Rule(
        len(spec.on),
        spec.when is TriggerWhen.ALL,
        us(spec.cool_down_seconds),
        us(spec.quiet_seconds),
        us(spec.max_wait_seconds),
    )


def with_due(row: TriggerRow, spec: TriggerSpec, causes: Sequence[CauseRow]) -> TriggerRow:
    """The row with the time at which it fires."""
    if row.paused_us is not None or row.is_disabled:
        return msgspec.structs.replace(row, due_us=None)
    heard = [Cause(one.time_us, frozenset(one.conditions)) for one in causes]
    return msgspec.structs.replace(row, due_us=fires_at(rule_of(spec), heard, row.fired_us))


def planned(tx: Transaction, row: TriggerRow, spec: TriggerSpec) -> None:
    """Store a row with the time at which it fires by what is kept of causes."""
    causes = triggers.causes(tx.reading(), TriggerName(row.project, row.id), MOST_OF_A_FIRING)
    triggers.save(tx, with_due(row, spec, causes))


def tell(
    tx: Transaction, name: TriggerName, what: str, *, principal: Mapping[str, Any] | None = None, **data: Any
) -> None:
    """Tell an event of a trigger."""
    told = {"id": name.id, **data}
    tx.event(clock.now_us(), f"trigger.{what}", name.project, principal=principal, data=told)


# -- changes ------------------------------------------------------------------------------------------------


def name_of(key: Key) -> TriggerName:
    """The name of the trigger with a key."""
    return TriggerName(key.project, key.id)


def refuse_others(connection: Database, key: Key, who: Principal) -> None:
    """Raise Forbidden unless the caller owns it, or is an admin."""
    owners.refuse_others(triggers.find(connection, name_of(key)), who, key.path())


def changed(tx: Transaction, key: Key, before: StoredRow | None, after: StoredRow, change: Change) -> None:
    """A document was stored: begin a trigger, which hears what comes from now on, or go on with one."""
    name, spec = name_of(key), from_store(after.body, TriggerSpec)
    row = triggers.find(tx.connection, name)
    if row is None:
        if triggers.number_of(tx.connection, key.project) >= MOST_OF_A_PROJECT:
            raise Limit(f"A project has at most {MOST_OF_A_PROJECT} triggers: delete one first.")
        owner = change.owner or change.by
        row = TriggerRow(
            project=name.project,
            id=name.id,
            owner_uid=owner["uid"],
            owner_gid=owner["gid"],
            owner_name=owner["user"],
            since_seq=tx.last_seq,
        )
        triggers.add(tx, row)
    elif before is not None and from_store(before.body, TriggerSpec).on != spec.on:
        triggers.forget_causes(tx, name, tx.last_seq)  # their conditions are others now
        row = msgspec.structs.replace(row, since_seq=tx.last_seq)
    is_disabled = int(spec.state is ScheduleState.DISABLED)
    planned(tx, msgspec.structs.replace(row, is_disabled=is_disabled), spec)


def deleted(tx: Transaction, key: Key, _change: Change) -> None:
    """It fires no more."""
    triggers.remove(tx, name_of(key))


# -- the wire -----------------------------------------------------------------------------------------------


def members(connection: Database, project: str, found: Sequence[StoredRow]) -> list[View]:
    """What is answered of each trigger beside its document."""
    rows = triggers.of_ids(connection, project, [one.id for one in found])
    return [_members(one, rows.get(one.id)) for one in found]


def _members(one: StoredRow, row: TriggerRow | None) -> View:
    if row is None or one.deleted:
        return NOWHERE
    status = ScheduleStatus.ACTIVE if row.paused_us is None else ScheduleStatus.PAUSED
    pause = row.pause or {}
    return {
        "owner": {"uid": row.owner_uid, "user": row.owner_name, "gid": row.owner_gid},
        "status": ScheduleStatus.DISABLED if row.is_disabled else status,
        "paused": None
        if row.paused_us is None
        else {
            "by": pause.get("by"),
            "time": clock.to_text(row.paused_us),
            "comment": pause.get("comment"),
            "untilTime": None,
        },
        "nextTime": clock.to_text(row.due_us),
        "firings": row.firings,
        "failuresInRow": row.failures,
    }
