"""State: what the last successful run of a configuration, or of one row, left.

The last few replaced states are kept, for undoing a job.
"""

import sqlite3
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from locksided.core.errors import Invalid
from locksided.keeper.strictjson import MAX_DOCUMENT_DEPTH, is_deeper
from locksided.secrets.guards import refuse_plain
from locksided.secrets.vault import Unfit
from locksided.store.catalog.keys import Change, ConfigId
from locksided.store.catalog.objects import same
from locksided.store.rows import StateRow, decoded
from locksided.store.sql import QUERIES
from locksided.store.transaction import Transaction
from locksided.store.writes import json_text

EARLIER_KEPT = 10


class TooDeep(Invalid):
    """A state saved by an earlier release is nested too deep to be handled."""


class DeepState(NamedTuple):
    """Where such a state is, and when it was saved."""

    config_id: ConfigId
    row: str | None
    changed_us: int


def state(connection: sqlite3.Connection, config_id: ConfigId, row: str | None = None) -> StateRow:
    """Return the state; an empty one with version 0 if none was ever saved. Raises TooDeep."""
    found = connection.execute(QUERIES["state"], place_of(config_id, row)).fetchall()
    if found and _is_too_deep(found[0][0]):
        whose = config_id.config if row is None else f"{config_id.config}, row {row}"
        raise TooDeep(
            f"The state of {config_id.component}/{whose} is nested deeper than {MAX_DOCUMENT_DEPTH} levels: "
            "clear it with state.reset or `lockside doctor --fix`.",
            path="$.config",
        )
    return decoded(StateRow, found)[0] if found else StateRow({}, 0, None, None)


def deep_states(connection: sqlite3.Connection) -> list[DeepState]:
    """Return all states that cannot be handled."""
    return [
        DeepState(ConfigId(component, config, branch, project), row or None, changed_us)
        for project, branch, component, config, row, changed_us, body in connection.execute(
            QUERIES["all_states"]
        )
        if _is_too_deep(body)
    ]


def _is_too_deep(body: str) -> bool:
    return is_deeper(body.encode(), MAX_DOCUMENT_DEPTH)


def save_state(
    tx: Transaction,
    config_id: ConfigId,
    row: str | None,
    body: Mapping[str, Any] | None,
    change: Change,
    *,
    job_id: int | None = None,
) -> StateRow:
    """Replace the state; None or an empty body clears it. An equal state makes no version and no event."""
    return _replace(tx, config_id, row, body or {}, change, what="state.saved", job_id=job_id)


def reset_state(tx: Transaction, config_id: ConfigId, row: str | None, change: Change) -> StateRow:
    """Clear the state on a user's request."""
    return _replace(tx, config_id, row, {}, change, what="state.reset", job_id=None)


def _replace(
    tx: Transaction,
    config_id: ConfigId,
    row: str | None,
    body: Mapping[str, Any],
    change: Change,
    *,
    what: str,
    job_id: int | None,
) -> StateRow:
    before = None
    with suppress(TooDeep):
        before = state(tx.connection, config_id, row)
    body = tx.vault.seal(body, config_id.place, before=before and before.body, unfit=Unfit.ENCRYPT)
    if before is not None and same(before.body, body):
        return before
    version = newest(tx.connection, config_id, row) + 1
    text = json_text(body)
    refuse_plain(text.encode())
    place = place_of(config_id, row)
    tx.connection.execute(QUERIES["keep_earlier_state"], place)
    tx.connection.execute(QUERIES["forget_earlier_states"], (*place, version - EARLIER_KEPT))
    values = (text, version, change.time_us, job_id)
    tx.connection.execute(QUERIES["put_state"], (*place, *values))
    data = {
        "branchId": config_id.branch,
        "component": config_id.component,
        "config": config_id.config,
        "row": row,
        "version": version,
    }
    tx.event(change.time_us, what, config_id.project, job_id=job_id, principal=change.by, data=data)
    return state(tx.connection, config_id, row)


def newest(connection: sqlite3.Connection, config_id: ConfigId, row: str | None) -> int:
    """Return the newest version of a state, 0 if there is none."""
    found = connection.execute(QUERIES["state"], place_of(config_id, row)).fetchone()
    return 0 if found is None else int(found[1])


def place_of(config_id: ConfigId, row: str | None) -> tuple[str, str, str, str, str]:
    """Return the key columns of a state."""
    return config_id.project, config_id.branch, config_id.component, config_id.config, row or ""
