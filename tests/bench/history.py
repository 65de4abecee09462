"""Figure 5: the cost of a million finished jobs: throughput, pages of lists, the start of the daemon."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench import bare
from bench.figure import Figure, at_least, at_most, percentile, rounds
from bench.past import database_with
from bench.place import COMMAND, Scale, jobs_a_second, running, short_folder
from bench.wires import Line, request, result
from e2e.harness import Daemon

PAGES = 100


def filters(newest: dict[str, Any], days: list[str]) -> dict[str, dict[str, Any]]:
    """Return every filter alone, and some combinations, including values that never occur together."""
    number = int(newest["id"]) // 2 // 10 * 10
    return {
        "none": {},
        "status success": {"status": ["success"]},
        "status error": {"status": ["error"]},
        "status cancelled, terminated": {"status": ["cancelled", "terminated"]},
        "status processing": {"status": ["processing"]},
        "component": {"component": "shop.c3"},
        "config": {"config": "daily-77"},
        "branchId": {"branchId": "dev"},
        "branchId default": {"branchId": "default"},
        "pool": {"pool": "heavy"},
        "parentRunId": {"parentRunId": str(number)},
        "runIdPrefix": {"runIdPrefix": str(number)},
        "type container": {"type": "container"},
        "type standard": {"type": "standard"},
        "creator schedule": {"creator": "schedule"},
        "creator user": {"creator": "user"},
        "owner": {"owner": "nobody"},
        "labels": {"labels": {"team": "t3"}},
        "labels, two": {"labels": {"team": "t3", "env": "live"}},
        "text": {"text": "load-99"},
        "text of ids": {"text": "77"},
        "text of all": {"text": "load"},
        "text of nothing": {"text": "zebra"},
        "createdFrom": {"createdFrom": days[1]},
        "createdTo": {"createdTo": days[1]},
        "createdFrom, createdTo": {"createdFrom": days[0], "createdTo": days[2]},
        "finishedFrom": {"finishedFrom": days[1]},
        "finishedTo": {"finishedTo": days[1]},
        "finishedFrom, finishedTo": {"finishedFrom": days[0], "finishedTo": days[2]},
        "visible false": {"visible": False},
        "visible null": {"visible": None},
        "component, config": {"component": "shop.c17", "config": "daily-77"},
        "component, status": {"component": "shop.c8", "status": ["error"]},
        "component, status that never meet": {"component": "shop.c3", "status": ["error"]},
        "component, type that never meet": {"component": "shop.c3", "type": "container"},
        "status, creator that never meet": {"status": ["cancelled"], "creator": "schedule"},
        "owner, label, day": {"owner": "nobody", "labels": {"env": "live"}, "createdFrom": days[2]},
        "component, finishedTo": {"component": "shop.c3", "finishedTo": days[0]},
        "text, status": {"text": "shop.c3", "status": ["warning"]},
    }


ORDERS = {
    "": {},
    ", oldest first": {"order": "asc"},
    ", by createdTime": {"orderBy": "createdTime"},
    ", by endTime": {"orderBy": "endTime"},
}


def page_times(line: Line, wanted: dict[str, Any], count: int) -> tuple[list[float], list[float]]:
    """Return the milliseconds of the first page, and of the hundredth or the last."""
    asked = request("job.list", **wanted)
    cursor = last = None
    for _ in range(PAGES - 1):
        more = {} if cursor is None else {"cursor": cursor}
        cursor = line.call("job.list", **wanted, **more, fields=["id"])["nextCursor"]
        if cursor is None:
            break
        last = cursor
    asked_deep = asked if last is None else request("job.list", **wanted, cursor=last)
    return [_timed(line, asked) for _ in range(count)], [_timed(line, asked_deep) for _ in range(count)]


def _timed(line: Line, asked: bytes) -> float:
    begin = time.monotonic()
    line.exchange(asked)
    return (time.monotonic() - begin) * 1e3


def lists(scale: Scale, daemon: Daemon, echo: Path) -> Iterator[Figure]:
    """Yield the 99th percentile of the slowest filter for the first and the hundredth page."""
    count = scale.of(40, 1)
    with Line(daemon.socket) as line:
        newest, *_ = line.call("job.list", limit=1)["jobs"]
        days = [_created(line, int(newest["id"]) * share // 4) for share in (1, 2, 3)]
        firsts, deeps = {}, {}
        for name, wanted in filters(newest, days).items():
            for order, more in ORDERS.items() if not wanted or "status" in wanted else [("", {})]:
                first, deep = page_times(line, {**wanted, **more}, count)
                firsts[name + order], deeps[name + order] = percentile(first, 0.99), percentile(deep, 0.99)
        page = result(line.exchange(request("job.list")))
    trip = bare.round_trip_seconds(echo, scale.of(200, 2), {"id": 1, "params": json.dumps(page)}) * 1e3
    for what, seen in (("first", firsts), ("hundredth", deeps)):
        worst = max(seen, key=lambda name: seen[name])
        yield Figure(
            f"5 job.list, {what} page, p99 ({worst})",
            seen[worst],
            "ms",
            trip,
            "a bare echo of such a page",
            at_most(20, "value"),
            {"of": seen},
        )


def _created(line: Line, job: int) -> str:
    created: str = line.call("job.get", id=str(job), fields=["createdTime"])["createdTime"]
    return created


def start_seconds(daemon: Daemon) -> float:
    """Return the seconds from the start of the program to its notice that it is ready."""
    daemon.stop()
    begin = time.monotonic()
    daemon.start()
    return time.monotonic() - begin


def figures(scale: Scale) -> Iterator[Figure]:
    jobs, work = scale.of(1_000_000, 500), [COMMAND] * scale.of(1000, 10)
    full = database_with(scale, jobs)
    with (
        running(scale) as empty,
        running(scale, full) as daemon,
        short_folder(scale) as folder,
        bare.echo(folder) as echo,
    ):
        jobs_a_second(empty, work[:10])
        jobs_a_second(daemon, work[:10])
        without, beside = rounds(
            scale.rounds, lambda: jobs_a_second(empty, work), lambda: jobs_a_second(daemon, work)
        )
        yield Figure(
            f"5 throughput beside {jobs} that ended",
            beside,
            "jobs/s",
            without,
            "the same beside none",
            at_least(1 / 1.15),
        )
        yield from lists(scale, daemon, echo)
        interpreter, started = rounds(
            scale.rounds, lambda: bare.interpreter_seconds(3), lambda: start_seconds(daemon)
        )
    yield Figure(
        f"5 start of the daemon with {jobs} that ended",
        started,
        "s",
        interpreter,
        "a bare interpreter",
        at_most(1, "value"),
    )
