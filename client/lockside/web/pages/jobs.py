"""The list of jobs, and one job: how it is, why, and what can be done about it."""

import asyncio
from typing import Any, Final

from starlette.responses import Response

from lockside.cli.jobs import describe
from lockside.cli.jobs.history import history
from lockside.cli.jobs.show import facts_of, left_behind
from lockside.cli.jobs.why import sentences_of
from lockside.web.pages.actions import offered
from lockside.web.pages.desk import Asking, Desk
from lockside.web.pages.logs import log_tail
from lockside.web.pages.overview import BRIEF

Json = dict[str, Any]
Reason = tuple[Json, list[str]]
"""Why a job waits, and the sentences that say it."""

PAGE: Final = 100
CHILDREN: Final = 200
FILTERS: Final = {
    "text": "Name, id or configuration begins with",
    "component": "Component",
    "config": "Configuration",
    "pool": "Pool",
    "owner": "Owner",
    "tag": "Tag",
    "row": "Row",
}
"""Fields of the form; each is a filter of `job.list`, and so are those of `_MORE`, which links use."""
_MORE: Final = (
    *("name", "mode", "type"),
    *("createdFrom", "createdTo", "startedFrom", "startedTo", "finishedFrom", "finishedTo"),
)
VIEWS: Final[dict[str, Json]] = {
    "All": {},
    "Unfinished": {"status": list(describe.LIVE)},
    "Waiting": {"status": list(describe.NOT_STARTED)},
    "Running": {"status": list(describe.RUNNING)},
    "Failed": {"status": ["error", "terminated"]},
}
STATUSES: Final = tuple(describe.SYMBOLS)


async def jobs(desk: Desk) -> Response:
    """The page `/jobs`."""
    query = desk.request.query_params
    filters: Json = {name: query[name] for name in (*FILTERS, *_MORE) if query.get(name)}
    statuses = [word for word in query.getlist("status") if word]
    if statuses:
        filters["status"] = statuses
    asked = filters | {"onlyRoots": not query.get("parts"), "parentRunId": query.get("parent") or None}
    if query.get("open"):
        asked |= describe.OPEN_FAILURES
    found, (counts, with_parts) = await asyncio.gather(
        desk.call(
            "job.list",
            **asked,
            limit=PAGE,
            cursor=query.get("cursor") or None,
            fields=[*BRIEF, "principal", "reasons"],
            expand=["configData"],
        ),
        _counts(desk, {name: one for name, one in asked.items() if name != "status"}),
    )
    return desk.page(
        "jobs.html",
        jobs=found["jobs"],
        next_cursor=found.get("nextCursor"),
        filters=filters,
        counts=counts,
        with_parts=with_parts,
        fields=FILTERS,
        views=VIEWS,
        statuses=STATUSES,
    )


async def _counts(desk: Desk, asked: Json) -> tuple[dict[str, int], bool]:
    """How many there are of each status; of all jobs what the daemon knows without a look, parts too."""
    narrowing = {name for name, one in asked.items() if one} - {"onlyRoots"}
    if not narrowing and not desk.project:
        counts = (await desk.call("daemon.status"))["counts"]
        return {word: count for word, count in counts.items() if count}, True
    counted = await desk.call("job.stats", **asked)
    return {one["group"]["status"]: one["count"] for one in counted["groups"]}, False


async def job(desk: Desk) -> Response:
    """The page `/jobs/ID`."""
    found = await desk.call("job.get", id=desk.request.path_params["id"])
    cause = ((found["result"] or {}).get("error") or {}).get("cause")
    children, story, reasons, lines = await asyncio.gather(
        _children(desk, found), desk.told(history, found), _reasons(desk, found), _log(desk, found, cause)
    )
    return desk.page(
        "job.html",
        job=found,
        children=children,
        story=story,
        reasons=reasons,
        log=lines,
        facts=facts_of(found),
        left=left_behind(found),
        cause=cause,
        actions=offered(found) if desk.may_act else [],
    )


async def _log(desk: Desk, job: Json, cause: Json | None) -> Json:
    """The end of what it wrote; of a container that failed, of what the job wrote that made it fail."""
    if job["type"] in ("standard", "retryContainer"):
        return await log_tail(desk, job["id"])
    return await log_tail(desk, cause["job"] if cause else None)


async def _children(desk: Desk, job: Json) -> Json:
    """Those right below it, failures first, and how many there are of each status."""
    if job["type"] not in describe.CONTAINERS:
        return {"jobs": [], "counts": {}, "left": 0}
    below = {"parentRunId": job["runId"]}
    counted = await desk.call("job.stats", groupBy=["status"], **below)
    counts = {one["group"]["status"]: one["count"] for one in counted["groups"]}
    asked = {**below, "order": "asc", "fields": BRIEF, "expand": ["configData"]}
    bad = await desk.call("job.list", **asked, status=list(describe.FAILED), limit=CHILDREN)
    rest = [word for word in describe.SYMBOLS if word not in describe.FAILED]
    room = CHILDREN - len(bad["jobs"])
    other = await desk.call("job.list", **asked, status=rest, limit=room) if room else {"jobs": []}
    listed = [*bad["jobs"], *other["jobs"]]
    return {"jobs": listed, "counts": counts, "left": sum(counts.values()) - len(listed)}


async def _reasons(desk: Desk, job: Json) -> list[Reason]:
    """Why it waits, each reason in sentences."""
    if job["status"] not in describe.NOT_STARTED:
        return []

    def tell(asking: Asking) -> list[Reason]:
        return [(reason, sentences_of(asking, job, reason)) for reason in job.get("reasons") or ()]

    told: list[Reason] = await desk.told(tell)
    return told
