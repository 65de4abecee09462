"""A pool of the core in wire form, for events and answers."""

from collections.abc import Mapping
from typing import Any

from locksided import clock
from locksided.core.pools import PoolSnapshot


def pool_view(pool: PoolSnapshot) -> dict[str, Any]:
    """Return what the core knows of a pool."""
    return {
        "id": pool.id,
        "slots": "infinity" if pool.slots is None else pool.slots,
        "executor": pool.executor,
        "options": pool.options,
        "backends": pool.backends,
        "description": pool.description or None,
        "isPaused": pool.is_paused,
        "pausedBy": pool.paused_by,
        "pausedTime": clock.to_text(pool.paused_us),
        "comment": pool.comment,
    }


def event_data(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the data of an event of a pool or the daemon, with pools in wire form."""
    match data:
        case {"pool": PoolSnapshot() as pool}:
            return _with_trouble(pool)
        case {"pools": [*pools]}:
            return {**data, "pools": [_with_trouble(pool) for pool in pools]}
        case _:
            return data


def _with_trouble(pool: PoolSnapshot) -> dict[str, Any]:
    since = clock.to_text(pool.trouble_since_us)
    trouble = None if pool.trouble_cause is None else {"cause": pool.trouble_cause, "since": since}
    return {**pool_view(pool), "trouble": trouble}
