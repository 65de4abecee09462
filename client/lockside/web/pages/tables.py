"""The list of tables, and one table: its columns, its versions and the job that created each."""

import asyncio
from typing import Final

from starlette.responses import Response

from lockside.errors import LocksideError
from lockside.web.pages.desk import Desk

PAGE: Final = 100
_ROWS: Final = 20


async def tables(desk: Desk) -> Response:
    """Return the page `/tables`."""
    query = desk.request.query_params
    found = await desk.call(
        "storage.table.list", text=query.get("text") or None, limit=PAGE, cursor=query.get("cursor") or None
    )
    return desk.page("tables.html", tables=found["tables"], next_cursor=found.get("nextCursor"))


async def table(desk: Desk) -> Response:
    """Return the page `/tables/ID`; rows are shown on request, because a process reads them."""
    name = desk.request.path_params["table"]
    found, history = await asyncio.gather(
        desk.call("storage.table.get", id=name), desk.call("storage.table.history", id=name, limit=20)
    )
    preview, fault = None, None
    if desk.request.query_params.get("rows"):
        try:
            preview = await desk.call("storage.preview", table=name, limit=_ROWS)
        except LocksideError as error:
            fault = error
    return desk.page("table.html", table=found, versions=history["versions"], preview=preview, fault=fault)
