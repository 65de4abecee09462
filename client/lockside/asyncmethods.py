"""Every method of the daemon as the asyncio client has it: the same, and each returns an awaitable."""

from lockside.methods import Methods


class AsyncMethods(Methods):
    """The words of the wire, each with its methods."""
