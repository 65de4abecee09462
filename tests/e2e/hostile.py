"""Helpers shared by tests of hostile clients: a request, and the state in which a refused one would show."""

from typing import Any

from e2e.wire import Wire

PARSE, REQUEST, METHOD, PARAMS, LIMIT = -32700, -32600, -32601, -32602, -32007


def status(**more: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "method": "daemon.status", **more}


def footprint(wire: Wire) -> tuple[Any, ...]:
    """Return every part of the state in which a request could have left a trace."""
    return (
        wire.call("job.list", count=True, limit=1, visible=None)["total"],
        wire.call("event.list", limit=10_000)["cursor"],
        [one["id"] for one in wire.call("component.list")["components"]],
        [one["id"] for one in wire.call("pool.list")["pools"]],
    )
