"""The calls `events.*`."""

from __future__ import annotations

from collections.abc import Sequence

from lockside.protocol.types import events as t
from lockside.requests import Group, Mode, Request, ask, call


class EventCalls(Group[Mode]):
    """`event.list`; `Client.events` follows them as they happen."""

    @call
    def list(
        self,
        *,
        after: int | None = None,
        kinds: Sequence[str] | None = None,
        job: str | None = None,
        run_id_prefix: str | None = None,
        limit: int | None = None,
    ) -> Request[t.EventPage]:
        """Give what happened after a `seq`, in order. Raises NotFound for the `job`."""
        given = {"after": after, "kinds": kinds, "job": job, "run_id_prefix": run_id_prefix}
        return ask("event.list", t.EventPage, **given, limit=limit)
