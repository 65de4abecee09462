"""Finds jobs for the queue: the daemon filters as far as it can, the rest applies to the newest 10,000."""

import re
from collections import ChainMap
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import islice, product
from math import prod
from typing import Any, Final

from lockside.errors import NotFound
from lockside.web.callers import Caller
from lockside.web.keboola.job import SHOWN
from lockside.web.keboola.problems import bad
from lockside.web.keboola.query import Job, Page, Query, fields_of
from lockside.web.keboola.request import MOST_LABEL
from lockside.web.keboola.words import MADE_WITH, RUN_ID, branch_out

Json = dict[str, Any]

MOST_SCANNED: Final = 10_000
_RUN: Final = re.compile(r"[0-9]{1,18}(?:\.[0-9]{1,18}){0,20}")
MOST_ASKED: Final = 50
"""The most combinations of values, each of which needs a call."""
_ASKED_OF_DAEMON: Final = {
    "componentId": "component",
    "configId": "config",
    "branchId": "branchId",
    "type": "type",
    "mode": "mode",
    "tag": "tag",
    "configRowIds": "row",
}


def _below_filters(run: str) -> Iterator[Json]:
    """Yield filters for the jobs below a run, whose id may be ours, foreign, or ours after a foreign one."""
    yield {"labels": {RUN_ID: run[:MOST_LABEL]}}
    parts = run.split(".")
    ours = [".".join(parts[first:]) for first in range(len(parts))]
    yield from ({"parentRunId": one} for one in ours if _RUN.fullmatch(one))


def _made_with(token: str) -> Iterator[Json]:
    """Yield filters for the jobs created with a token of this API, or by the user shown in its place."""
    yield {"labels": {MADE_WITH: token[:MOST_LABEL]}}
    if token.isascii() and token.isdecimal():
        yield {"owner": token}


_NARROWED: Final[Mapping[str, Callable[[str], Iterator[Json]]]] = {
    "parentRunId": _below_filters,
    "tokenId": _made_with,
}
"""Further filters of the daemon: the calls for a value."""

_ORDERS: Final = {"id": None, "createdTime": None, "startTime": "startedFrom", "endTime": "finishedFrom"}
"""The daemon's orders, each with the bound that omits jobs without that time: here they come last."""
_EPOCH: Final = "1970-01-01T00:00:00Z"
_BOUNDS_OF_DAEMON: Final = {
    "createdTime": ("createdFrom", "createdTo"),
    "startTime": ("startedFrom", "startedTo"),
    "endTime": ("finishedFrom", "finishedTo"),
    "durationSeconds": ("durationFrom", "durationTo"),
}


async def found(caller: Caller, query: Query, page: Page) -> list[Json]:
    """Return the complete jobs of a page: from a list ordered by the daemon, else from all scanned jobs."""
    asked = list(_asked(query))
    end = page.offset + page.limit
    if _is_known(query) and page.sort_by in _ORDERS:
        fields = SHOWN if len(asked) == 1 else fields_of([page.sort_by])
        lists = [await _in_order(caller, one | {"fields": fields}, page, end) for one in asked]
        if sum(map(len, lists)) >= end or _ORDERS[page.sort_by] is None:
            if len(asked) == 1:
                return lists[0][page.offset :]
            jobs = page.sort({job["id"]: job for some in lists for job in some}.values())
            return await whole_jobs(caller, [job["id"] for job in jobs[page.offset : end]])
    jobs = page.sort(await scanned(caller, query, page))
    return await whole_jobs(caller, [job["id"] for job in jobs[page.offset : end]])


def _is_known(query: Query) -> bool:
    """Return whether the daemon supports all filters."""
    names = {*_names(query), "status", "id"}
    return names >= query.values.keys() and _BOUNDS_OF_DAEMON.keys() >= query.bounds.keys()


async def _in_order(caller: Caller, asked: Json, page: Page, count: int) -> list[Json]:
    """Return the first jobs of one call, without those that lack the time of the order."""
    bound = _ORDERS[page.sort_by]
    if bound is not None:
        asked = {bound: _EPOCH} | {name: value for name, value in asked.items() if value is not None}
    order = "desc" if page.is_descending else "asc"
    answer = await caller.call("job.list", **asked, orderBy=page.sort_by, order=order, limit=count)
    jobs: list[Json] = answer["jobs"]
    return jobs


async def scanned(caller: Caller, query: Query, page: Page, groups: Iterable[str] = ()) -> list[Job]:
    """Return all matching jobs among the newest ones, with few fields, the newest first."""
    left = query.without({*_names(query), *_BOUNDS_OF_DAEMON, "status", "id"})
    fields = fields_of((*left.values, *left.bounds, page.sort_by, *groups))
    matching: dict[str, Job] = {}
    for asked in _asked(query):
        with suppress(NotFound):  # a parent that does not exist has no jobs below it
            answer = await caller.call("job.list", **asked, limit=MOST_SCANNED, fields=fields)
            matching |= {job["id"]: job for job in answer["jobs"] if left.matches(job)}
    return sorted(matching.values(), key=lambda job: -int(job["id"]))[:MOST_SCANNED]


def _asked(query: Query) -> Iterator[Json]:
    """Yield the calls that together find all jobs: one for each combination of values."""
    common: Json = {}
    if (ids := query.ids) is not None:
        common["ids"] = sorted(ids)
    if "status" in query.values:
        common["status"] = sorted(query.values["status"])
    for name, (first, last) in _BOUNDS_OF_DAEMON.items():
        if name in query.bounds:
            common |= dict(zip((first, last), query.bounds[name], strict=True))
    if ids is not None and not ids:
        return
    choices: list[list[Json]] = [
        [{_ASKED_OF_DAEMON[name]: value} for value in sorted(query.values[name])] for name in _names(query)
    ]
    for name, narrowed in _NARROWED.items():
        wanted = query.values.get(name, frozenset(("",)))
        calls = [asked for value in sorted(wanted) for asked in narrowed(value)]
        if all(wanted) and prod(map(len, choices), start=len(calls)) <= MOST_ASKED:
            choices.append(calls)
    combinations = list(islice(product(*choices), MOST_ASKED + 1))
    if len(combinations) > MOST_ASKED:
        raise bad(f"At most {MOST_ASKED} combinations of values can be asked for at once")
    for chosen in combinations:
        labels = {name: value for one in chosen for name, value in one.get("labels", {}).items()}
        one = dict(ChainMap(*chosen)) | ({"labels": labels} if labels else {})
        yield {**common, **one}


def _names(query: Query) -> list[str]:
    """Return the filters that the daemon supports; it has none for empty values."""
    return [name for name in _ASKED_OF_DAEMON if all(query.values.get(name, ("",)))]


async def whole_jobs(caller: Caller, ids: list[str]) -> list[Json]:
    """Return jobs with all their fields, in this order."""
    if not ids:
        return []
    answer = await caller.call("job.list", ids=ids, limit=len(ids), fields=SHOWN)
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
    """Return the ids of the first jobs of each of the first groups, in the order of the jobs."""
    found: dict[tuple[str, ...], list[str]] = {}
    for job in jobs:
        key = tuple(GROUPS[name](job) for name in names)
        if key in found or len(found) < groups:
            ids = found.setdefault(key, [])
            if len(ids) < per_group:
                ids.append(job["id"])
    return list(found.items())
