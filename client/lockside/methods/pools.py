"""The calls `pool.*`."""

from __future__ import annotations

from lockside.protocol.types import stored as t
from lockside.requests import Group, Mode, Request, act, ask, call


class PoolCalls(Group[Mode]):
    """`pool.*`"""

    @call
    def put(self, id: str, slots: int | str, *, description: str | None = None) -> Request[t.Pool]:  # noqa: A002
        """Store a pool; lowering its slots stops nobody."""
        pool = {"id": id, "slots": slots} | ({"description": description} if description else {})
        return act("pool.put", t.Pool, pool=pool)

    @call
    def get(self, id: str) -> Request[t.Pool]:  # noqa: A002
        """Give a pool and how full it is. Raises NotFound."""
        return ask("pool.get", t.Pool, id=id)

    @call
    def list(self) -> Request[t.Pools]:
        """Give all pools."""
        return ask("pool.list", t.Pools)

    @call
    def pause(self, id: str, comment: str | None = None) -> Request[t.Pool]:  # noqa: A002
        """Start nothing more in a pool. Raises NotFound."""
        return act("pool.pause", t.Pool, id=id, comment=comment)

    @call
    def resume(self, id: str) -> Request[t.Pool]:  # noqa: A002
        """Start jobs in a pool again. Raises NotFound."""
        return act("pool.resume", t.Pool, id=id)

    @call
    def delete(self, id: str) -> Request[t.Deleted]:  # noqa: A002
        """Remove a pool. Raises NotFound, Conflict while live jobs name it."""
        return act("pool.delete", t.Deleted, id=id)
