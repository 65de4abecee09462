"""What is read of notifications: one frozen record per kind of row, as in `rows`."""

from typing import Any

import msgspec


class DeliveryRow(msgspec.Struct, frozen=True):
    """One notification to one subscription; `next_us` is when it is due."""

    id: int
    project: str
    subscription: str
    job_id: int | None
    event: str
    seq: int
    body_id: int
    status: str
    attempts: list[dict[str, Any]]
    next_us: int | None
    created_us: int
    ended_us: int | None
