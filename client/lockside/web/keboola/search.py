"""Finds jobs for the queue: the daemon narrows by what it knows, the rest is made over the newest 10,000."""

from collections.abc import Callable, Iterator, Mapping
from itertools import islice, product
from typing import Any, Final

from lockside.web.callers import Caller
from lockside.web.keboola.problems import bad
from lockside.web.keboola.query import LIGHT, Job, Page, Query
from lockside.web.keboola.words import branch_out

Json = dict[str, Any]

MOST_SCANNED: Final = 10_000
MOST_ASKED: Final = 50
"""How many combinations of values are asked for one by one."""
_PAGE: Final = 1000
_ASKED_OF_DAEMON: Final = {
    "componentId": "component",
    "configId": "config",
    "branchId": "branchId",
    "type": "type",
    "mode": "mode",
    "tag": "tag",
    "configRowIds": "row",
}

_ORDERS: Final = frozenset({"id", "createdTime"})
_ORDERS_OF_BOUND: Final = frozenset({"startTime", "endTime"})
_BOUNDS_OF_DAEMON: Final = {
    "createdTime": ("createdFrom", "createdTo"),
    "startTime": ("startedFrom", "startedTo"),
    "endTime": ("finishedFrom", "finishedTo"),
    "durationSeconds": ("durationFrom", "durationTo"),
}


async def found(caller: Caller, query: Query, page: Page) -> list[Json]:
    """The jobs of a page, whole."""
    jobs = page.sort(await scanned(caller, query))
    return await whole_jobs(caller, [job["id"] for job in jobs[page.offset : page.offset + page.limit]])


async def newest(caller: Caller, query: Query, page: Page) -> list[Json] | None:
    """The same of a page that the daemon alone can answer: None when it cannot."""
    asked = list(_asked(query))
    is_known = not set(query.values) - {*_names(query), "status", "id"} and not set(query.bounds) - set(
        _BOUNDS_OF_DAEMON
    )
    # What has no such time sorts as the last there, and here as the first: bounds leave it out.
    is_ordered = page.sort_by in _ORDERS or page.sort_by in _ORDERS_OF_BOUND & query.bounds.keys()
    if not is_ordered or len(asked) != 1 or not is_known or page.offset + page.limit > _PAGE:
        return None
    order = "desc" if page.is_descending else "asc"
    answer = await caller.call(
        "job.list",
        **asked[0],
        orderBy=page.sort_by,
        order=order,
        limit=page.offset + page.limit,
        expand=["configData"],
    )
    jobs: list[Json] = answer["jobs"][page.offset :]
    return jobs


async def scanned(caller: Caller, query: Query) -> list[Job]:
    """All jobs that match among the newest, in short, the newest first."""
    matching: dict[str, Job] = {}
    for asked in _asked(query):
        cursor = None
        while len(matching) < MOST_SCANNED:
            answer = await caller.call("job.list", **asked, limit=_PAGE, cursor=cursor, fields=LIGHT)
            matching |= {job["id"]: job for job in answer["jobs"] if query.matches(job)}
            cursor = answer.get("nextCursor")
            if cursor is None:
                break
    return sorted(matching.values(), key=lambda job: -int(job["id"]))[:MOST_SCANNED]


def _asked(query: Query) -> Iterator[Json]:
    """The calls that together find all jobs: one for each combination of values."""
    common: Json = {}
    if "id" in query.values:
        common["ids"] = sorted(query.values["id"])
    if "status" in query.values:
        common["status"] = sorted(query.values["status"])
    for name, (first, last) in _BOUNDS_OF_DAEMON.items():
        if name in query.bounds:
            common |= dict(zip((first, last), query.bounds[name], strict=True))
    names = _names(query)
    combinations = list(islice(product(*(sorted(query.values[name]) for name in names)), MOST_ASKED + 1))
    if len(combinations) > MOST_ASKED:
        raise bad(f"At most {MOST_ASKED} combinations of values can be asked for at once")
    for values in combinations:
        one = {_ASKED_OF_DAEMON[name]: value for name, value in zip(names, values, strict=True)}
        yield {**common, **one}


def _names(query: Query) -> list[str]:
    """The filters that the daemon knows; it has none for what is empty."""
    return [name for name in _ASKED_OF_DAEMON if all(query.values.get(name, ("",)))]


async def whole_jobs(caller: Caller, ids: list[str]) -> list[Json]:
    """Jobs with all that they have, in this order."""
    if not ids:
        return []
    answer = await caller.call("job.list", ids=ids, limit=len(ids), expand=["configData"])
    jobs = {job["id"]: job for job in answer["jobs"]}
    return [jobs[job_id] for job_id in ids if job_id in jobs]


GROUPS: Final[Mapping[str, Callable[[Job], str]]] = {
    "projectId": lambda job: str(job["project"]["id"]),
    "branchId": lambda job: branch_out(job.get("branchId")) or "default",
    "componentId": lambda job: str(job["component"]),
    "configId": lambda job: str(job.get("config") or ""),
}


def grouped(
    jobs: list[Job], names: list[str], per_group: int, groups: int
) -> list[tuple[tuple[str, ...], list[str]]]:
    """The ids of the first jobs of each of the first groups, in the order of the jobs."""
    found: dict[tuple[str, ...], list[str]] = {}
    for job in jobs:
        key = tuple(GROUPS[name](job) for name in names)
        if key in found or len(found) < groups:
            ids = found.setdefault(key, [])
            if len(ids) < per_group:
                ids.append(job["id"])
    return list(found.items())
