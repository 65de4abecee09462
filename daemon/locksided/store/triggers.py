"""Triggers: their state, the causes they received, and the outcomes."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec

from lockside.kinds import TRIGGER
from locksided.store import cursors, watching
from locksided.store.catalog import objects
from locksided.store.catalog.keys import Key
from locksided.store.paging import PageRequest, Slice, first_of, row_bytes
from locksided.store.rows import decoded
from locksided.store.sql import QUERIES, Database
from locksided.store.time_rows import CauseRow, FiringRow, MakerName, TriggerRow
from locksided.store.transaction import Transaction
from locksided.store.writes import json_text

_FIRINGS = "firings"
_LAST = 2**63 - 1


class Listening(NamedTuple):
    """A trigger with its document; it receives events after `since_seq`."""

    project: str
    id: str
    since_seq: int
    body: dict[str, Any]


def find(connection: Database, name: MakerName) -> TriggerRow | None:
    """Return one trigger, or None."""
    found = decoded(TriggerRow, connection.execute(QUERIES["trigger"], name).fetchall())
    return found[0] if found else None


def with_document(connection: Database, name: MakerName) -> tuple[TriggerRow, dict[str, Any]] | None:
    """Return the state of a trigger, and its document."""
    row = find(connection, name)
    stored = objects.find(connection, Key(name.project, TRIGGER, (name.id,)))
    return None if row is None or stored is None else (row, stored.body)


def of_ids(connection: Database, project: str, ids: Iterable[str]) -> dict[str, TriggerRow]:
    """Return those of these triggers that exist, by id."""
    rows = connection.execute(QUERIES["triggers_of"], (project, json_text(list(ids)))).fetchall()
    return {row.id: row for row in decoded(TriggerRow, rows)}


def everything(connection: Database) -> list[Listening]:
    """Return all triggers with their documents."""
    return [
        Listening(project, trigger_id, since_seq, msgspec.json.decode(body))
        for project, trigger_id, since_seq, body in connection.execute(QUERIES["all_triggers"])
    ]


def due(connection: Database, now_us: int, limit: int) -> list[MakerName]:
    """Return the triggers that must fire, the longest overdue first."""
    return [MakerName(*row) for row in connection.execute(QUERIES["triggers_due"], (now_us, limit))]


def next_us(connection: Database) -> int | None:
    """Return when the next trigger must fire."""
    (due_us,) = connection.execute(QUERIES["next_trigger"]).fetchone()
    return None if due_us is None else int(due_us)


def add(tx: Transaction, row: TriggerRow) -> None:
    """Store the state of a new trigger."""
    tx.connection.execute(QUERIES["put_trigger"], _values(row))
    save(tx, row)


def save(tx: Transaction, row: TriggerRow) -> None:
    """Store the current state of a trigger."""
    tx.connection.execute(QUERIES["update_trigger"], _values(row))


def remove(tx: Transaction, name: MakerName) -> None:
    """Delete the state and causes of a trigger; the outcomes of earlier causes are kept."""
    tx.connection.execute(QUERIES["delete_trigger"], name)
    forget_causes(tx, name)
    watching.forget_folders(tx, name, but=())


def _values(row: TriggerRow) -> dict[str, Any]:
    values = msgspec.structs.asdict(row)
    pause = None if row.pause is None else json_text(row.pause)
    return values | {"pause": pause, "watched": json_text(row.watched)}


def move(tx: Transaction, by_us: int) -> None:
    """Move all times by the amount that the clock was set: durations stay the same."""
    tx.connection.execute(QUERIES["move_triggers"], {"by_us": by_us})
    tx.connection.execute(QUERIES["move_causes"], (by_us,))


# -- causes and firings ---------------------------------------------------------------------------------


def hear(tx: Transaction, name: MakerName, cause: CauseRow) -> None:
    """Store a cause; a repeated event is ignored."""
    values = (cause.seq, cause.time_us, json_text(cause.conditions), json_text(cause.heard), cause.depth)
    tx.connection.execute(QUERIES["put_cause"], (*name, *values))


def causes(connection: Database, name: MakerName, limit: int) -> list[CauseRow]:
    """Return the causes since the last firing, oldest first."""
    return decoded(CauseRow, connection.execute(QUERIES["causes"], (*name, limit)).fetchall())


def forget_causes(tx: Transaction, name: MakerName, through: int = _LAST) -> None:
    """Delete causes up to the given number: they have been handled or skipped."""
    tx.connection.execute(QUERIES["delete_causes"], (*name, through))


def record(tx: Transaction, name: MakerName, row: FiringRow) -> None:
    """Record the outcome of causes."""
    values = msgspec.structs.asdict(row) | name._asdict()
    values["causes"] = json_text(row.causes)
    values["error"] = None if row.error is None else json_text(row.error)
    tx.connection.execute(QUERIES["insert_firing"], values)


def firings(connection: Database, name: MakerName, request: PageRequest) -> Slice[FiringRow]:
    """Return a page of the outcomes of causes, newest first."""
    (before,) = cursors.read(request.cursor, _FIRINGS, tuple[cursors.Integer]) or (_LAST,)
    rows = connection.execute(QUERIES["firings"], (*name, before))
    taken, has_more = first_of(rows, row_bytes, max_bytes=request.max_bytes, limit=request.limit)
    return Slice(decoded(FiringRow, taken), has_more, lambda row: cursors.written(_FIRINGS, row.number))


def prune(tx: Transaction, before_us: int) -> None:
    """Delete older firings whose job no longer exists."""
    tx.connection.execute(QUERIES["prune_firings"], (before_us,))


# -- jobs -------------------------------------------------------------------------------------------------


def live(connection: Database, name: MakerName) -> list[tuple[int, str, dict[str, Any]]]:
    """Return the jobs of a trigger that are not final: id, status, and trigger data."""
    rows = connection.execute(QUERIES["live_triggered_jobs"], name)
    return [(job_id, status, msgspec.json.decode(trigger)) for job_id, status, _, trigger in rows]


def above(connection: Database, job_ids: Sequence[int]) -> list[dict[str, Any]]:
    """Return the trigger data of these jobs."""
    rows = connection.execute(QUERIES["lineage_triggers"], (json_text(list(job_ids)),))
    return [msgspec.json.decode(trigger) for (trigger,) in rows]
