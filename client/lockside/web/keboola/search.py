"""Finds jobs for the queue: the daemon narrows by what it knows, the rest is made over the newest 10,000."""

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
"""How many combinations of values are asked for one by one."""
_ASKED_OF_DAEMON: Final = {
    "componentId": "component",
    "configId": "config",
    "branchId": "branchId",
    "type": "type",
    "mode": "mode",
    "tag": "tag",
    "configRowIds": "row",
}


def _below(run: str) -> Iterator[Json]:
    """What asks for the jobs below a run: it is one of ours, behind a foreign one, or foreign."""
    yield {"labels": {RUN_ID: run[:MOST_LABEL]}}
    parts = run.split(".")
    ours = [".".join(parts[first:]) for first in range(len(parts))]
    yield from ({"parentRunId": one} for one in ours if _RUN.fullmatch(one))


def _made_with(token: str) -> Iterator[Json]:
    """What asks for the jobs that were made with a token here, or by a user who is shown in its place."""
    yield {"labels": {MADE_WITH: token[:MOST_LABEL]}}
    if token.isascii() and token.isdecimal():
        yield {"owner": token}


_NARROWED: Final[Mapping[str, Callable[[str], Iterator[Json]]]] = {
    "parentRunId": _below,
    "tokenId": _made_with,
}
"""Filters that the daemon narrows: what it is asked for a value, one after the other."""

_ORDERS: Final = {"id": None, "createdTime": None, "startTime": "startedFrom", "endTime": "finishedFrom"}
"""The orders of the daemon, each with the bound that leaves out what has no such time: it comes last here."""
_EPOCH: Final = "1970-01-01T00:00:00Z"
_BOUNDS_OF_DAEMON: Final = {
    "createdTime": ("createdFrom", "createdTo"),
    "startTime": ("startedFrom", "startedTo"),
    "endTime": ("finishedFrom", "finishedTo"),
    "durationSeconds": ("durationFrom", "durationTo"),
}


async def found(caller: Caller, query: Query, page: Page) -> list[Json]:
    """The jobs of a page, whole: of a list that the daemon orders, else of all that were scanned."""
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
    """Whether the daemon has all filters itself."""
    names = {*_names(query), "status", "id"}
    return names >= query.values.keys() and _BOUNDS_OF_DAEMON.keys() >= query.bounds.keys()


async def _in_order(caller: Caller, asked: Json, page: Page, count: int) -> list[Json]:
    """The first jobs of one call's, those left out that have not the time of the order."""
    bound = _ORDERS[page.sort_by]
    if bound is not None:
        asked = {bound: _EPOCH} | {name: value for name, value in asked.items() if value is not None}
    order = "desc" if page.is_descending else "asc"
    answer = await caller.call("job.list", **asked, orderBy=page.sort_by, order=order, limit=count)
    jobs: list[Json] = answer["jobs"]
    return jobs


async def scanned(caller: Caller, query: Query, page: Page, groups: Iterable[str] = ()) -> list[Job]:
    """All jobs that match among the newest that the daemon finds, in short, the newest first."""
    left = query.without({*_names(query), *_BOUNDS_OF_DAEMON, "status", "id"})
    fields = fields_of((*left.values, *left.bounds, page.sort_by, *groups))
    matching: dict[str, Job] = {}
    for asked in _asked(query):
        with suppress(NotFound):  # a parent that does not exist has no jobs below it
            answer = await caller.call("job.list", **asked, limit=MOST_SCANNED, fields=fields)
            matching |= {job["id"]: job for job in answer["jobs"] if left.matches(job)}
    return sorted(matching.values(), key=lambda job: -int(job["id"]))[:MOST_SCANNED]


def _asked(query: Query) -> Iterator[Json]:
    """The calls that together find all jobs: one for each combination of values."""
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
    """The filters that the daemon knows; it has none for what is empty."""
    return [name for name in _ASKED_OF_DAEMON if all(query.values.get(name, ("",)))]


async def whole_jobs(caller: Caller, ids: list[str]) -> list[Json]:
    """Jobs with all that they have, in this order."""
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
    """The ids of the first jobs of each of the first groups, in the order of the jobs."""
    found: dict[tuple[str, ...], list[str]] = {}
    for job in jobs:
        key = tuple(GROUPS[name](job) for name in names)
        if key in found or len(found) < groups:
            ids = found.setdefault(key, [])
            if len(ids) < per_group:
                ids.append(job["id"])
    return list(found.items())
