"""Triggers: where each stands, what it heard, and what became of that."""

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
    """A trigger with its document, which hears events behind `since_seq`."""

    project: str
    id: str
    since_seq: int
    body: dict[str, Any]


def find(connection: Database, name: MakerName) -> TriggerRow | None:
    """One trigger, None when there is none."""
    found = decoded(TriggerRow, connection.execute(QUERIES["trigger"], name).fetchall())
    return found[0] if found else None


def with_document(connection: Database, name: MakerName) -> tuple[TriggerRow, dict[str, Any]] | None:
    """Where a trigger stands, and its document."""
    row = find(connection, name)
    stored = objects.find(connection, Key(name.project, TRIGGER, (name.id,)))
    return None if row is None or stored is None else (row, stored.body)


def of_ids(connection: Database, project: str, ids: Iterable[str]) -> dict[str, TriggerRow]:
    """Those of these triggers that exist, by id."""
    rows = connection.execute(QUERIES["triggers_of"], (project, json_text(list(ids)))).fetchall()
    return {row.id: row for row in decoded(TriggerRow, rows)}


def everything(connection: Database) -> list[Listening]:
    """All triggers with their documents."""
    return [
        Listening(project, trigger_id, since_seq, msgspec.json.decode(body))
        for project, trigger_id, since_seq, body in connection.execute(QUERIES["all_triggers"])
    ]


def due(connection: Database, now_us: int, limit: int) -> list[MakerName]:
    """The triggers that are to fire, the longest due first."""
    return [MakerName(*row) for row in connection.execute(QUERIES["triggers_due"], (now_us, limit))]


def next_us(connection: Database) -> int | None:
    """When one is to fire next."""
    (due_us,) = connection.execute(QUERIES["next_trigger"]).fetchone()
    return None if due_us is None else int(due_us)


def add(tx: Transaction, row: TriggerRow) -> None:
    """Store where a new trigger stands."""
    tx.connection.execute(QUERIES["put_trigger"], _values(row))
    save(tx, row)


def save(tx: Transaction, row: TriggerRow) -> None:
    """Store where a trigger stands now."""
    tx.connection.execute(QUERIES["update_trigger"], _values(row))


def remove(tx: Transaction, name: MakerName) -> None:
    """Forget where a trigger stood and what it heard; what became of its causes stays."""
    tx.connection.execute(QUERIES["delete_trigger"], name)
    forget_causes(tx, name)
    watching.forget_folders(tx, name, but=())


def _values(row: TriggerRow) -> dict[str, Any]:
    values = msgspec.structs.asdict(row)
    pause = None if row.pause is None else json_text(row.pause)
    return values | {"pause": pause, "watched": json_text(row.watched)}


def move(tx: Transaction, by_us: int) -> None:
    """The clock was set by so much: what lasts a time still lasts that time."""
    tx.connection.execute(QUERIES["move_triggers"], {"by_us": by_us})
    tx.connection.execute(QUERIES["move_causes"], (by_us,))


# -- causes and firings ---------------------------------------------------------------------------------


def hear(tx: Transaction, name: MakerName, cause: CauseRow) -> None:
    """Keep a cause; the same event counts once."""
    values = (cause.seq, cause.time_us, json_text(cause.conditions), json_text(cause.heard), cause.depth)
    tx.connection.execute(QUERIES["put_cause"], (*name, *values))


def causes(connection: Database, name: MakerName, limit: int) -> list[CauseRow]:
    """What a trigger heard since its last firing, oldest first."""
    return decoded(CauseRow, connection.execute(QUERIES["causes"], (*name, limit)).fetchall())


def forget_causes(tx: Transaction, name: MakerName, through: int = _LAST) -> None:
    """Those up to a number were taken, or all passed over."""
    tx.connection.execute(QUERIES["delete_causes"], (*name, through))


def record(tx: Transaction, name: MakerName, row: FiringRow) -> None:
    """Note what became of causes."""
    values = msgspec.structs.asdict(row) | name._asdict()
    values["causes"] = json_text(row.causes)
    values["error"] = None if row.error is None else json_text(row.error)
    tx.connection.execute(QUERIES["insert_firing"], values)


def firings(connection: Database, name: MakerName, request: PageRequest) -> Slice[FiringRow]:
    """A page of what became of causes, newest first."""
    (before,) = cursors.read(request.cursor, _FIRINGS, tuple[cursors.Integer]) or (_LAST,)
    rows = connection.execute(QUERIES["firings"], (*name, before))
    taken, has_more = first_of(rows, row_bytes, max_bytes=request.max_bytes, limit=request.limit)
    return Slice(decoded(FiringRow, taken), has_more, lambda row: cursors.written(_FIRINGS, row.number))


def prune(tx: Transaction, before_us: int) -> None:
    """Forget firings that are older and have no job any more."""
    tx.connection.execute(QUERIES["prune_firings"], (before_us,))


# -- jobs -------------------------------------------------------------------------------------------------


def live(connection: Database, name: MakerName) -> list[tuple[int, str, dict[str, Any]]]:
    """The jobs of a trigger that are not final: id, status, and what they were told."""
    rows = connection.execute(QUERIES["live_triggered_jobs"], name)
    return [(job_id, status, msgspec.json.decode(told)) for job_id, status, _, told in rows]


def above(connection: Database, job_ids: Sequence[int]) -> list[dict[str, Any]]:
    """What triggers told these jobs."""
    rows = connection.execute(QUERIES["lineage_triggers"], (json_text(list(job_ids)),))
    return [msgspec.json.decode(told) for (told,) in rows]
