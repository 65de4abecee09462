"""`mcp`: tools for agents, on standard input and output."""

from __future__ import annotations

from lockside.cli import exits
from lockside.cli.grammar import Parsed
from lockside.cli.session import Session


def mcp(session: Session, parsed: Parsed) -> int:
    """Serve one agent until its input ends."""
    import asyncio

    from lockside.mcp.desk import Desk
    from lockside.mcp.server import Server
    from lockside.session import Engine
    from lockside.wire import AsyncLink

    async def serve() -> None:
        link = AsyncLink(parsed.text("socket"))
        engine = Engine(link, parsed.text("project"))
        try:
            await Server(Desk(engine), read_only=parsed.flag("read_only")).run()
        finally:
            await link.close()

    asyncio.run(serve())
    return exits.DONE
