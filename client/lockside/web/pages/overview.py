"""The first page: failures, waiting jobs with their reasons, running jobs, the next schedules."""

import asyncio
from collections import Counter
from typing import Any, Final

from starlette.responses import Response

from lockside.cli.daemon.status import RECENT_SECONDS, standing_troubles
from lockside.cli.jobs import describe
from lockside.cli.times import wire_ago
from lockside.web.pages.desk import Desk
from lockside.web.pages.schedules import by_next_moment

Json = dict[str, Any]

BRIEF: Final = [
    *("id", "runId", "parentRunId", "type", "name", "component", "config", "configData", "creator", "status"),
    *(
        "isFinished",
        "createdTime",
        "startTime",
        "endTime",
        "durationSeconds",
        "progress",
        "message",
        "result",
    ),
    *("attempt", "starts", "pool", "retriable"),
]
_SHOWN: Final = 30
_FAILED: Final = 12
"""So few that waiting and running jobs are not far below."""
_WAITING: Final = 50
_MOMENTS: Final = 5


async def overview(desk: Desk) -> Response:
    """Return the page `/`."""
    status, failed, waiting, running, schedules = await asyncio.gather(
        desk.call("daemon.status"),
        _failed(desk),
        _listed(desk, _WAITING, status=list(describe.NOT_STARTED), order="asc", fields=[*BRIEF, "reasons"]),
        _listed(desk, _SHOWN, status=list(describe.RUNNING)),
        _next_moments(desk),
    )
    return desk.page(
        "overview.html",
        status=status,
        troubles=await desk.told(standing_troubles, status),
        failed=failed,
        waiting=waiting,
        reasons=_by_reason(waiting["jobs"]),
        running=running,
        schedules=schedules,
    )


async def _failed(desk: Desk) -> Json:
    since = wire_ago(RECENT_SECONDS)
    asked = describe.OPEN_FAILURES | {"finishedFrom": since, "orderBy": "endTime", "onlyRoots": True}
    return await _listed(desk, _FAILED, **asked)


async def _listed(desk: Desk, limit: int, **filters: Any) -> Json:
    asked = {"onlyRoots": True, "fields": BRIEF} | filters
    found: Json = await desk.call("job.list", limit=limit, count=True, expand=["configData"], **asked)
    return found


def _by_reason(waiting: list[Json]) -> list[tuple[str, list[Json]]]:
    """Return the waiting jobs by their first reason, the most frequent first."""
    first = {job["id"]: _reason(job) for job in waiting}
    return [
        (reason, [job for job in waiting if first[job["id"]] == reason])
        for reason, _ in Counter(first.values()).most_common()
    ]


def _reason(job: Json) -> str:
    reasons = job.get("reasons") or ()
    return str(reasons[0].get("message") or reasons[0]["kind"]) if reasons else "It is about to start."


async def _next_moments(desk: Desk) -> list[Json]:
    """Return the next due schedules."""
    return [one for one in (await by_next_moment(desk))[:_MOMENTS] if one["nextDueTime"]]
