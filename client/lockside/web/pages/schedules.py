"""Schedules with the results of their moments, and jobs for past moments."""

import asyncio
from typing import Any, Final

from starlette.responses import Response

from lockside.errors import LocksideError
from lockside.web.pages.actions import new_deduplication_id, offered
from lockside.web.pages.desk import Desk

Json = dict[str, Any]

PAGE: Final = 100
LAST_JOBS: Final = 3
"""The number for each schedule in the list."""
_AT_ONCE: Final = 1000


async def schedules(desk: Desk) -> Response:
    """Return the page `/schedules`, a page of schedules, the next due first."""
    text = desk.query.get("cursor", "")
    begin = int(text) if text.isdecimal() else 0
    found = await by_next_moment(desk)
    page = found[begin : begin + PAGE]
    return desk.page(
        "schedules.html",
        schedules=[(one, offered(desk, one, "schedules")) for one in page],
        statuses=await _statuses(desk, page),
        next_cursor=begin + PAGE if begin + PAGE < len(found) else None,
    )


async def by_next_moment(desk: Desk) -> list[Json]:
    """Return all schedules, the next due first."""
    found: list[Json] = []
    cursor = None
    while True:
        page = await desk.call("schedule.list", limit=_AT_ONCE, cursor=cursor)
        found += page["schedules"]
        cursor = page.get("nextCursor")
        if cursor is None:
            break
    return sorted(found, key=lambda one: (one["nextDueTime"] is None, str(one["nextDueTime"]), one["id"]))


async def _statuses(desk: Desk, listed: list[Json]) -> dict[str, str]:
    """Return the statuses of the last jobs of a page of schedules."""
    jobs = [run["jobId"] for one in listed for run in one["executions"][:LAST_JOBS]]
    asked = {"ids": jobs, "limit": PAGE * LAST_JOBS, "fields": ["id", "status"]}
    found = (await desk.call("job.list", **asked))["jobs"] if jobs else []
    return {job["id"]: job["status"] for job in found}


async def schedule(desk: Desk) -> Response:
    """Return the page `/schedules/ID`."""
    name = desk.request.path_params["id"]
    found, coming, ledger = await asyncio.gather(
        desk.call("schedule.get", id=name),
        desk.call("schedule.next", id=name, count=20),
        desk.call("schedule.ledger", id=name, limit=50),
    )
    return desk.page(
        "schedule.html",
        schedule=found,
        coming=coming["moments"],
        ledger=ledger["rows"],
        actions=offered(desk, found, "schedules"),
    )


async def backfill(desk: Desk) -> Response:
    """Return the page `/schedules/ID/backfill`."""
    return await _backfill(desk, {**desk.query}, None, None)


async def make_backfill(desk: Desk) -> Response:
    """Create the jobs of past moments, or show which would be created. An error is shown in the form."""
    given = {name: text.strip() for name, text in desk.form.items()}
    asked: Json = {name: given[name] for name in ("from", "to", "pool", "order") if given.get(name)}
    try:
        plan = await desk.call(
            "schedule.backfill",
            **asked,
            id=desk.request.path_params["id"],
            again=bool(given.get("again")),
            dryRun=bool(given.get("check")) or None,
            deduplicationId=given.get("once") or None,
        )
    except LocksideError as fault:
        if not fault.path:
            raise
        return await _backfill(desk, given, fault, None)
    return await _backfill(desk, given, None, plan)


async def _backfill(desk: Desk, given: Json, fault: LocksideError | None, plan: Json | None) -> Response:
    found = await desk.call("schedule.get", id=desk.request.path_params["id"])
    is_done = plan is not None and not given.get("check")
    data = {"schedule": found, "given": given, "fault": fault, "plan": plan, "is_done": is_done}
    return desk.page("backfill.html", 400 if fault else 200, **data, once=new_deduplication_id())


async def stop_backfill(desk: Desk) -> Response:
    """Terminate the live jobs of a backfill."""
    await desk.call(
        "schedule.stopBackfill",
        backfill=desk.form.get("backfill", ""),
        deduplicationId=desk.form.get("once", "") or None,
    )
    return desk.go("/schedules/*", desk.request.path_params["id"])
