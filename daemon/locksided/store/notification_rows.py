"""Rows of notifications: one frozen record per kind of row, as in `rows`."""

from typing import Any

import msgspec


class DeliveryRow(msgspec.Struct, frozen=True):
    """One notification to one receiver; `next_us` is when it is due.

    The deliveries of a `digest` are sent as one message, with the id of the first of them.
    """

    id: int
    project: str
    receiver: str
    channel: str
    place: int
    job_id: int | None
    event: str
    seq: int
    notice_id: int
    status: str
    attempts: list[dict[str, Any]]
    next_us: int | None
    created_us: int
    ended_us: int | None
    digest: int | None
    url: str | None

    @property
    def subscription(self) -> str | None:
        """The subscription that receives it; None for a notification from a job's request."""
        return self.receiver if self.place < 0 else None
