"""State: what the last successful run of a configuration, or of one row, left behind. It has no history."""

import sqlite3
from collections.abc import Mapping
from typing import Any

from locksided.store.catalog.configs import ConfigId
from locksided.store.catalog.objects import Change, same
from locksided.store.rows import StateRow, decoded
from locksided.store.sql import QUERIES
from locksided.store.transaction import Transaction
from locksided.store.writes import json_text


def state(connection: sqlite3.Connection, config_id: ConfigId, row: str | None = None) -> StateRow:
    """Answer the state; an empty one with version 0 if none was ever saved."""
    found = connection.execute(QUERIES["state"], _place(config_id, row)).fetchall()
    return decoded(StateRow, found)[0] if found else StateRow({}, 0, None, None)


def save_state(
    tx: Transaction,
    config_id: ConfigId,
    row: str | None,
    body: Mapping[str, Any] | None,
    change: Change,
    *,
    job_id: int | None = None,
) -> StateRow:
    """Replace the state; None or an empty body clears it. An equal one makes no new version and no event."""
    return _replace(tx, config_id, row, body or {}, change, what="state.saved", job_id=job_id)


def reset_state(tx: Transaction, config_id: ConfigId, row: str | None, change: Change) -> StateRow:
    """Clear the state at a person's wish."""
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
    current = state(tx.connection, config_id, row)
    if same(current.body, body):
        return current
    version = current.version + 1
    values = (json_text(body), version, change.time_us, job_id)
    tx.connection.execute(QUERIES["put_state"], (*_place(config_id, row), *values))
    data = {
        "branchId": config_id.branch,
        "component": config_id.component,
        "config": config_id.config,
        "row": row,
        "version": version,
    }
    tx.event(change.time_us, what, config_id.project, job_id=job_id, principal=change.by, data=data)
    return state(tx.connection, config_id, row)


def _place(config_id: ConfigId, row: str | None) -> tuple[str, str, str, str, str]:
    return config_id.project, config_id.branch, config_id.component, config_id.config, row or ""
