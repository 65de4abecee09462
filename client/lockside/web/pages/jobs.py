"""The list of jobs, and one job: its state, the reasons, and the possible actions."""

import asyncio
from typing import Any, Final

from starlette.responses import Response

from lockside.cli.jobs import describe
from lockside.cli.jobs.history import history
from lockside.cli.jobs.show import facts_of, left_behind
from lockside.cli.jobs.why import sentences_of
from lockside.documents.enums import CreatorType, JobType, Mode
from lockside.web.pages.actions import offered
from lockside.web.pages.bulk import BULK
from lockside.web.pages.desk import Asking, Desk
from lockside.web.pages.logs import log_tail
from lockside.web.pages.overview import BRIEF
from lockside.web.pages.views import query_of, saved_views

Json = dict[str, Any]
Reason = tuple[Json, list[str]]
"""A reason why a job waits, and its sentences."""

PAGE: Final = 100
CHILDREN: Final = 200
INNER: Final = 20
"""The most jobs shown below one child."""
FILTERS: Final = {
    "text": "Name, id or configuration begins with",
    "component": "Component",
    "config": "Configuration",
    "pool": "Pool",
    "owner": "Owner",
}
MORE_FILTERS: Final = {
    "name": "Name is",
    "row": "Row",
    "tag": "Tag",
    "branchId": "Branch",
    "runIdPrefix": "Run id begins with",
    "createdFrom": "Created from",
    "createdTo": "Created before",
    "startedFrom": "Started from",
    "startedTo": "Started before",
    "finishedFrom": "Ended from",
    "finishedTo": "Ended before",
    "durationFrom": "Ran at least (10m)",
    "durationTo": "Ran at most",
}
"""Fields of the form; each is a filter of `job.list` with the same name."""
CHOICES: Final = {
    "mode": ("Mode", [one.value for one in Mode]),
    "type": ("Type", [one.value for one in JobType]),
    "creator": ("Made by", [one.value for one in CreatorType]),
    "orderBy": ("Order by", ["id", "createdTime", "startTime", "endTime"]),
    "order": ("Direction", ["desc", "asc"]),
}
_FLAGS: Final[dict[str, dict[str, bool]]] = {
    "visible": {"false": False},
    "acknowledged": {"true": True, "false": False},
    "unresolved": {"true": True},
}
MOST_COUNTED: Final = 1000
VIEWS: Final[dict[str, Json]] = {
    "All": {},
    "Unfinished": {"status": list(describe.LIVE)},
    "Waiting": {"status": list(describe.NOT_STARTED)},
    "Running": {"status": list(describe.RUNNING)},
    "Failed": {"status": ["error", "terminated"]},
}
STATUSES: Final = tuple(describe.SYMBOLS)
_GROUPS: Final = {
    "failed": list(describe.FAILED),
    "others": [word for word in STATUSES if word not in describe.FAILED],
}
_OPENED: Final = {*describe.FAILED, *describe.RUNNING}
"""Containers in these statuses show their children."""


def filters_of(desk: Desk) -> Json:
    """Return the filters of `job.list` in the URL."""
    query = desk.request.query_params
    filters: Json = {name: query[name] for name in (*FILTERS, *MORE_FILTERS, *CHOICES) if query.get(name)}
    filters |= {name: words[query[name]] for name, words in _FLAGS.items() if query.get(name) in words}
    filters |= {
        name: found for name in ("status", "ids") if (found := [one for one in query.getlist(name) if one])
    }
    labels = [pair.partition("=") for pair in query.get("labels", "").split(",") if pair]
    return filters | (
        {"labels": {name.strip(): value.strip() for name, _, value in labels}} if labels else {}
    )


async def jobs(desk: Desk) -> Response:
    """Return the page `/jobs`."""
    query, filters = desk.query, filters_of(desk)
    asked = filters | {"onlyRoots": not query.get("parts"), "parentRunId": query.get("parent") or None}
    if query.get("open"):
        asked |= describe.OPEN_FAILURES
    found, counts = await asyncio.gather(
        desk.call(
            "job.list",
            **asked,
            limit=PAGE,
            cursor=query.get("cursor") or None,
            fields=[*BRIEF, "principal", "reasons"],
            expand=["configData"],
        ),
        _counts(
            desk, {name: one for name, one in asked.items() if name not in ("status", "order", "orderBy")}
        ),
    )
    return desk.page(
        "jobs.html",
        jobs=found["jobs"],
        next_cursor=found.get("nextCursor"),
        filters=filters,
        counts=counts,
        is_counted=sum(counts.values()) < MOST_COUNTED,
        views=VIEWS,
        statuses=STATUSES,
        fields=FILTERS,
        more_fields=MORE_FILTERS,
        choices=CHOICES,
        flags=_FLAGS,
        saved=saved_views(desk.request),
        query=query_of(desk),
        has_more=any(name in filters for name in (*MORE_FILTERS, *CHOICES, *_FLAGS, "labels")),
        bulk=[one for one in BULK.values() if desk.may(one.method)],
    )


async def _counts(desk: Desk, asked: Json) -> dict[str, int]:
    """Return the number of jobs by status; only the newest ones are counted if there are very many."""
    counted = await desk.call("job.stats", **asked, newest=MOST_COUNTED)
    return {one["group"]["status"]: one["count"] for one in counted["groups"]}


async def job(desk: Desk) -> Response:
    """Return the page `/jobs/ID`."""
    found = await desk.call("job.get", id=desk.request.path_params["id"])
    cause = ((found["result"] or {}).get("error") or {}).get("cause")
    children, story, reasons, lines = await asyncio.gather(
        _children(desk, found), desk.told(history, found), _reasons(desk, found), _log(desk, found, cause)
    )
    refusal = await desk.refusal(found)
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
        refusal=refusal,
        actions=[] if refusal else offered(desk, found),
    )


async def _log(desk: Desk, job: Json, cause: Json | None) -> Json:
    """Return the end of the log; for a failed container, that of the job that caused the failure."""
    if job["type"] in ("standard", "retryContainer"):
        return await log_tail(desk, job["id"])
    return await log_tail(desk, cause["job"] if cause else None)


async def _children(desk: Desk, job: Json) -> Json:
    """Return a page of children, failures first, and the children of failed and running ones."""
    counted = await desk.call("job.stats", groupBy=["status"], parentRunId=job["runId"])
    counts = {one["group"]["status"]: one["count"] for one in counted["groups"]}
    if not counts:
        return {"rows": [], "counts": {}, "after": None, "ended": 0}
    listed, after = await _below(desk, job["runId"], desk.query.get("after") or "", CHILDREN)
    rows, room = [], CHILDREN - len(listed)
    for one in listed:
        rows.append((1, one))
        if room > 0 and one["type"] in describe.CONTAINERS and one["status"] in _OPENED:
            inner, _ = await _below(desk, one["runId"], "", min(room, INNER))
            rows += [(2, each) for each in inner]
            room -= len(inner)
    ended = sum(count for word, count in counts.items() if word not in describe.LIVE)
    return {"rows": rows, "counts": counts, "after": after, "ended": ended}


async def _below(desk: Desk, run_id: str, after: str, room: int) -> tuple[list[Json], str | None]:
    """Return a page of a job's children, failures first, and where the next page begins."""
    asked: Json = {"parentRunId": run_id, "order": "asc", "expand": ["configData"]}
    asked["fields"] = [*BRIEF, "reasons", "chunk"]
    begun, _, cursor = after.partition(" ")
    listed: list[Json] = []
    for name, statuses in _GROUPS.items():
        if begun not in ("", name):
            continue
        if len(listed) == room:
            return listed, name
        page = await desk.call(
            "job.list", **asked, status=statuses, limit=room - len(listed), cursor=cursor or None
        )
        begun, cursor = "", ""
        listed += page["jobs"]
        if page.get("nextCursor"):
            return listed, f"{name} {page['nextCursor']}"
    return listed, None


async def _reasons(desk: Desk, job: Json) -> list[Reason]:
    """Return why the job waits, each reason in sentences."""
    if job["status"] not in describe.NOT_STARTED:
        return []

    def tell(asking: Asking) -> list[Reason]:
        return [(reason, sentences_of(asking, job, reason)) for reason in job.get("reasons") or ()]

    found: list[Reason] = await desk.told(tell)
    return found
