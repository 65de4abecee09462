"""The methods of the asyncio client: those of the daemon, each returns an awaitable."""

from lockside.methods import Methods


class AsyncMethods(Methods):
    """The groups of methods, by their words on the wire."""
