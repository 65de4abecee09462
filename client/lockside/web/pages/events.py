"""Events, the newest first."""

from typing import Final

from starlette.responses import Response

from lockside.protocol.events import EVENT_KINDS
from lockside.web.pages.desk import Desk

WINDOW: Final = 1000
"""The numbers of events that a page examines."""
SHOWN: Final = 100


async def events(desk: Desk) -> Response:
    """Return the page `/events`: the last events, or those up to the given one; for a job, all."""
    query = desk.request.query_params
    kinds = [kind for kind in query.getlist("kinds") if kind]
    job, run = query.get("job") or None, query.get("runIdPrefix") or None
    is_newest = not query.get("to", "").isdecimal()
    last = await desk.visitor.caller.last_event() if is_newest else int(query["to"])
    after = 0 if job or run else max(last - WINDOW, 0)
    found = await desk.call(
        "event.list", kinds=kinds or None, job=job, runIdPrefix=run, after=after, limit=WINDOW
    )
    shown = [event for event in found["events"] if event["seq"] <= last][-SHOWN:]
    is_cut = len(shown) == SHOWN
    return desk.page(
        "events.html",
        events=shown[::-1],
        earlier=shown[0]["seq"] - 1 if is_cut else after or None,
        kinds=kinds,
        job=job,
        run=run,
        known=sorted(EVENT_KINDS),
        is_newest=is_newest,
    )
