"""Pools with their backends and resources, and the daemon as a whole."""

import asyncio

from starlette.responses import Response

from lockside.cli.daemon.status import troubles_of
from lockside.errors import Forbidden
from lockside.web.pages.actions import offered
from lockside.web.pages.desk import Desk


async def pools(desk: Desk) -> Response:
    """Return the page `/pools`."""
    status, resources = await asyncio.gather(desk.call("daemon.status"), desk.call("resource.list"))
    listed = [(pool, offered(desk, pool, "pools")) for pool in status["pools"]]
    return desk.page("pools.html", status=status, pools=listed, resources=resources["resources"])


async def status(desk: Desk) -> Response:
    """Return the page `/status`; the store is checked only on request, because that may take long."""
    found = await desk.call("daemon.status")
    health, troubles = await asyncio.gather(desk.call("daemon.health"), desk.told(troubles_of, found))
    problems, is_refused = None, False
    if desk.query.get("check"):
        try:
            problems = (await desk.call("daemon.check"))["problems"]
        except Forbidden:
            is_refused = True
    return desk.page(
        "status.html",
        status=found,
        health=health,
        troubles=troubles,
        problems=problems,
        is_refused=is_refused,
    )
