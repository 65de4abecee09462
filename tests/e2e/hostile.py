"""What tests of hostile clients share: the codes of refusals, a request, and what a trace would be."""

from typing import Any

from e2e.wire import Wire

PARSE, REQUEST, METHOD, PARAMS, LIMIT = -32700, -32600, -32601, -32602, -32007


def status(**more: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "method": "daemon.status", **more}


def footprint(wire: Wire) -> tuple[Any, ...]:
    """All that the state could have a trace of."""
    return (
        wire.call("job.list", count=True, limit=1, visible=None)["total"],
        wire.call("event.list", limit=10_000)["cursor"],
        [one["id"] for one in wire.call("component.list")["components"]],
        [one["id"] for one in wire.call("pool.list")["pools"]],
    )
