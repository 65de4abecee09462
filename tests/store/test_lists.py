"""Lists of jobs contain exactly the matching jobs, page by page, in the requested order."""

import itertools
import json
import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from locksided.core.errors import Invalid
from locksided.core.saves import PutSpec, UpdateJob
from locksided.store import GroupBy, JobFilter, JobPage, JobRow, OrderBy, Store, search
from locksided.store.events import is_below
from locksided.store.terms import NO_END, id_ranges
from store.samples import NOW, ended, new, save, started

NOTHING = {"format": 1, "tag": None, "configRowIds": []}
SPECS = {
    "none": json.dumps(NOTHING).encode(),
    "old": json.dumps(NOTHING | {"tag": "1.0"}).encode(),
    "rows": json.dumps(NOTHING | {"tag": "1.1", "configRowIds": ["r1", "r2", "r1"]}).encode(),
    "row": json.dumps(NOTHING | {"tag": "1.1", "configRowIds": ["r1"]}).encode(),
}
FINAL = ("success", "warning", "error", "terminated")


def population(size: int, seed: int) -> list[Any]:
    """Return jobs with all kinds of values, some common and some rare."""
    rnd = random.Random(seed)
    saves: list[Any] = [PutSpec(name, body) for name, body in SPECS.items()]
    runs: dict[int, str] = {}
    for job_id in range(1, size + 1):
        parent = rnd.choice([*runs, *[None] * 200]) if runs else None
        runs[job_id] = f"{runs[parent]}.{job_id}" if parent else str(job_id)
        values = {
            "run_id": runs[job_id],
            "parent_id": parent,
            "project": rnd.choice(["default"] * 9 + ["other"]),
            "component": rnd.choice(["ex-a", "ex-b", "wr-a", None]),
            "config": rnd.choice(["c1", "c2", "12", None]),
            "mode": rnd.choice(["run", "run", "debug"]),
            "spec_hash": rnd.choice([*SPECS, None]),
            "branch_id": rnd.choice(["default", "default", "dev"]),
            "type": rnd.choice(["standard", "standard", "container"]),
            "creator_type": rnd.choice(["user", "user", "schedule"]),
            "creator_id": rnd.choice(["ann", "bob"]),
            "owner_uid": rnd.choice([1000, 1001]),
            "name": rnd.choice(["load", "lift", "1st", None]),
            "labels": rnd.choice([{}, {"team": "a"}, {"team": "a", "env": "x"}, {"team": "b"}]),
            "visible": rnd.choice([1, 1, 1, 0]),
            "retry_of_id": rnd.choice([None, None, None, 3]),
            "relation": rnd.choice(["strong", "weak"]) if parent else None,
            "acknowledged": rnd.choice([None, None, {"user": "ann"}]),
            "created_us": NOW + job_id * 10 + rnd.randrange(30),
        }
        saves.append(new(job_id, **values))
        status = rnd.choice(["created", "waiting", "processing", *FINAL, "success", "success"])
        if status in FINAL:
            times = {"end_us": NOW + rnd.randrange(size), "duration_us": rnd.randrange(100)}
            saves.append(ended(job_id, status, start_us=NOW + rnd.randrange(size), **times))
        elif status == "processing":
            saves.append(started(job_id))
        else:
            saves.append(UpdateJob(job_id, {"status": status}))
    return saves


def matches(row: JobRow, wanted: JobFilter) -> bool:
    """Return whether a job matches a filter: an independent, simple implementation."""
    parent = wanted.parent_run_id
    given: list[tuple[Any, Callable[[Any], bool]]] = [
        (wanted.statuses or None, lambda value: row.status in value),
        (wanted.component, lambda value: row.component == value),
        (wanted.config, lambda value: row.config == value),
        (wanted.branch, lambda value: row.branch_id == value),
        (parent, lambda value: row.run_id.rpartition(".")[0] == value),
        (wanted.run_id_prefix, lambda value: is_below(row.run_id, value)),
        (wanted.type, lambda value: row.type == value),
        (wanted.creator_type, lambda value: row.creator_type == value),
        (wanted.creator_id, lambda value: row.creator_id == value),
        (wanted.owner_uid, lambda value: row.owner_uid == value),
        (wanted.labels or None, lambda value: value.items() <= (row.labels or {}).items()),
        (wanted.created_from_us, lambda value: row.created_us >= value),
        (wanted.created_to_us, lambda value: row.created_us <= value),
        (wanted.finished_from_us, lambda value: row.end_us is not None and row.end_us >= value),
        (wanted.finished_to_us, lambda value: row.end_us is not None and row.end_us <= value),
        (wanted.ids or None, lambda value: row.id in value),
        (wanted.mode, lambda value: row.mode == value),
        (wanted.tag, lambda value: specified(row)["tag"] == value),
        (wanted.row, lambda value: value in specified(row)["configRowIds"]),
        (wanted.started_from_us, lambda value: row.start_us is not None and row.start_us >= value),
        (wanted.started_to_us, lambda value: row.start_us is not None and row.start_us <= value),
        (wanted.duration_from_us, lambda value: has_run(row) and row.duration_us >= value),
        (wanted.duration_to_us, lambda value: has_run(row) and row.duration_us <= value),
        (wanted.visible, lambda value: bool(row.visible) == value),
        (wanted.only_roots or None, lambda _: row.relation != "strong"),
        (wanted.acknowledged, lambda value: (row.acknowledged is not None) == value),
        (wanted.retry_of, lambda value: row.retry_of_id == value),
        (wanted.name, lambda value: row.name == value),
        (
            wanted.text,
            lambda value: any(
                str(each or "").startswith(value) for each in (row.id, row.name, row.component, row.config)
            ),
        ),
    ]
    return row.project == wanted.project and all(value is None or holds(value) for value, holds in given)


def specified(row: JobRow) -> Any:
    return NOTHING if row.spec_hash is None else json.loads(SPECS[row.spec_hash])


def has_run(row: JobRow) -> bool:
    return row.start_us is not None and row.end_us is not None


def key(order_by: OrderBy) -> Callable[[JobRow], tuple[int, int]]:
    keys: dict[OrderBy, Callable[[JobRow], int]] = {
        OrderBy.ID: lambda row: row.id,
        OrderBy.CREATED: lambda row: row.created_us,
        OrderBy.STARTED: lambda row: NO_END if row.start_us is None else row.start_us,
        OrderBy.ENDED: lambda row: NO_END if row.end_us is None else row.end_us,
    }
    return lambda row: (keys[order_by](row), row.id)


async def pages(store: Store, wanted: JobFilter, page: JobPage) -> list[JobRow]:
    """Return the rows of all pages."""
    rows: list[JobRow] = []
    while True:
        found = await store.list_jobs(wanted, page)
        rows += found.rows
        if found.next_cursor is None:
            return rows
        assert len(found.rows) == page.limit
        page = replace(page, cursor=found.next_cursor)


FILTERS = [
    JobFilter(),
    JobFilter(visible=None),
    JobFilter(visible=False),
    JobFilter(project="other"),
    JobFilter(project="none"),
    JobFilter(statuses=("success",)),
    JobFilter(statuses=("created", "waiting", "processing", "created")),
    JobFilter(statuses=("success", "error"), visible=None),
    JobFilter(component="ex-a"),
    JobFilter(config="c1"),
    JobFilter(component="ex-a", config="c1", branch="default"),
    JobFilter(branch="dev"),
    JobFilter(branch="default"),
    JobFilter(type="container"),
    JobFilter(type="standard", creator_id="ann"),
    JobFilter(creator_type="schedule"),
    JobFilter(creator_type="user", creator_id="bob"),
    JobFilter(owner_uid=1000, statuses=("error", "warning")),
    JobFilter(labels={"team": "a"}),
    JobFilter(labels={"team": "a", "env": "x"}, component="wr-a"),
    JobFilter(labels={"team": "nobody"}),
    JobFilter(retry_of=3, visible=None),
    JobFilter(only_roots=True),
    JobFilter(only_roots=True, statuses=("error",), visible=None),
    JobFilter(acknowledged=False, statuses=("error", "terminated"), only_roots=True),
    JobFilter(acknowledged=True, component="ex-a"),
    JobFilter(name="load"),
    JobFilter(name="lift", component="ex-a", visible=None),
    JobFilter(name="l"),
    JobFilter(text="l"),
    JobFilter(text="1", visible=None),
    JobFilter(text="ex-", statuses=("success", "created")),
    JobFilter(text="%"),
    JobFilter(created_from_us=NOW + 500),
    JobFilter(created_from_us=NOW + 500, created_to_us=NOW + 1500, component="ex-b"),
    JobFilter(created_to_us=NOW + 900, labels={"team": "b"}),
    JobFilter(finished_from_us=NOW + 50),
    JobFilter(finished_from_us=NOW + 20, finished_to_us=NOW + 100),
    JobFilter(finished_to_us=NOW + 100, statuses=("error",), visible=None),
    JobFilter(created_from_us=NOW + 500, finished_to_us=NOW + 150, text="1"),
    JobFilter(ids=(3, 1, 99, 10_000), visible=None),
    JobFilter(ids=tuple(range(1, 200)), statuses=("success", "error"), created_from_us=NOW + 300),
    JobFilter(mode="debug"),
    JobFilter(mode="run", component="ex-a", started_from_us=NOW),
    JobFilter(started_to_us=NOW, finished_from_us=NOW + 20),
    JobFilter(duration_from_us=50, statuses=("success",)),
    JobFilter(duration_to_us=20, visible=None),
    JobFilter(tag="1.1"),
    JobFilter(tag="1.0", statuses=("success",), created_from_us=NOW + 300),
    JobFilter(tag="2.0"),
    JobFilter(row="r1", visible=None),
    JobFilter(row="r2", tag="1.1", component="ex-a"),
    JobFilter(started_from_us=NOW + 5, started_to_us=NOW + 100),
]


@pytest.mark.parametrize(("few", "few_values"), [(0, 32), (0, 0), (20, 32), (20, 1), (5000, 32)])
async def test_every_filter_in_every_order_finds_exactly_its_jobs(
    store: Store, monkeypatch: pytest.MonkeyPatch, few: int, few_values: int
) -> None:
    monkeypatch.setattr(search, "FEW", few)
    monkeypatch.setattr(search, "FEW_VALUES", few_values)
    await save(store, *population(300, seed=few))
    everything = await store.job_rows(range(1, 301))
    tree = max(everything, key=lambda row: row.run_id.count("."))
    runs = [
        JobFilter(parent_run_id=tree.run_id.rpartition(".")[0], visible=None),
        JobFilter(parent_run_id=f"9.{tree.run_id}", visible=None),
        JobFilter(run_id_prefix=tree.run_id.partition(".")[0], visible=None),
        JobFilter(run_id_prefix=tree.run_id.partition(".")[0] + ".", visible=None, project=tree.project),
    ]
    for wanted in FILTERS + runs:
        expected = [row for row in everything if matches(row, wanted)]
        for order_by in OrderBy:
            for descending in (True, False):
                page = JobPage(limit=7, order_by=order_by, descending=descending)
                found = await pages(store, wanted, page)
                assert found == sorted(expected, key=key(order_by), reverse=descending), (wanted, page)
        counted = await store.list_jobs(wanted, JobPage(limit=1, count=True))
        assert counted.total == len(expected)


async def test_common_values_that_never_occur_together_are_read_side_by_side(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "FEW", 5)
    await save(store, *(new(n, component=f"c{n % 2}", creator_id=f"u{n % 2}") for n in range(1, 41)))
    assert await pages(store, JobFilter(component="c0", creator_id="u1"), JobPage(limit=5)) == []
    found = await pages(store, JobFilter(component="c0", creator_id="u0"), JobPage(limit=3, descending=False))
    assert [row.id for row in found] == list(range(2, 41, 2))


async def test_the_values_with_a_prefix_are_read_side_by_side_with_others(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "FEW", 5)
    await save(store, *(new(n, component=f"shop.{n % 4}", creator_id=f"u{n % 2}") for n in range(1, 41)))
    statements: list[str] = []
    await store.read(lambda connection: connection.set_trace_callback(statements.append))
    wanted = JobFilter(text="shop.", creator_id="u0")
    found = await pages(store, wanted, JobPage(limit=3, descending=False))
    assert [row.id for row in found] == list(range(2, 41, 2))
    assert any("INTERSECT" in statement for statement in statements)


async def test_a_range_of_times_is_found_by_ids_even_if_the_clock_was_set_back(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tests jobs of several blocks of ids, some of which were created while the clock was an hour behind."""
    hour_us = 3_600_000_000
    ids = [*range(1, 20_000, 500), *range(100_000, 120_000, 500)]
    late = {job_id: NOW + job_id * 1000 - (hour_us if job_id % 7 == 0 else 0) for job_id in ids}
    await save(store, *(new(job_id, created_us=at_us) for job_id, at_us in late.items()))
    monkeypatch.setattr(search, "FEW", 3)
    ranges = [(NOW, NOW + 9_000_000), (NOW - hour_us, NOW - 1), (NOW + 10**12, NOW + 10**13)]
    for (first_us, last_us), order_by in itertools.product(ranges, OrderBy):
        wanted = JobFilter(created_from_us=first_us, created_to_us=last_us)
        found = await pages(store, wanted, JobPage(limit=9, order_by=order_by))
        expected = {job_id for job_id, at_us in late.items() if first_us <= at_us <= last_us}
        assert {row.id for row in found} == expected


async def test_a_cursor_stays_in_its_place_when_jobs_come_and_change(store: Store) -> None:
    await save(store, *(new(n) for n in range(1, 7)))
    first = await store.list_jobs(JobFilter(), JobPage(limit=2))
    await save(store, new(7), UpdateJob(4, {"status": "waiting"}))
    second = await store.list_jobs(JobFilter(), JobPage(limit=2, cursor=first.next_cursor))
    assert [row.id for row in (*first.rows, *second.rows)] == [6, 5, 4, 3]


async def test_the_last_page_has_no_cursor_even_when_it_is_full(store: Store) -> None:
    await save(store, new(1), new(2))
    assert (await store.list_jobs(JobFilter(), JobPage(limit=2))).next_cursor is None


async def test_a_total_is_counted_only_when_asked(store: Store) -> None:
    await save(store, new(1))
    assert (await store.list_jobs(JobFilter())).total is None


@pytest.mark.parametrize("cursor", ["", "?", "bm90IGEgY3Vyc29y", "W10", "ä", "WyJpZCIsdHJ1ZSwxXQ"])
async def test_a_text_that_is_not_a_cursor_is_invalid(store: Store, cursor: str) -> None:
    with pytest.raises(Invalid) as refusal:
        await store.list_jobs(JobFilter(), JobPage(cursor=cursor))
    assert refusal.value.path == "$.cursor"


async def test_a_cursor_of_another_order_is_invalid(store: Store) -> None:
    await save(store, new(1), new(2))
    cursor = (await store.list_jobs(JobFilter(), JobPage(limit=1))).next_cursor
    for other in (JobPage(cursor=cursor, descending=False), JobPage(cursor=cursor, order_by=OrderBy.ENDED)):
        with pytest.raises(Invalid, match="another order"):
            await store.list_jobs(JobFilter(), other)


@pytest.mark.parametrize("limit", [0, -1, 1001])
async def test_a_limit_out_of_bounds_is_invalid(store: Store, limit: int) -> None:
    with pytest.raises(Invalid):
        await store.list_jobs(JobFilter(), JobPage(limit=limit))


def test_a_prefix_of_ids_becomes_ranges_of_ids() -> None:
    assert id_ranges("12")[:3] == [(12, 12), (120, 129), (1200, 1299)]
    assert id_ranges("012") == id_ranges("x") == id_ranges("") == id_ranges("1" * 30) == id_ranges("²") == []
    assert all(first <= last < 2**63 for first, last in id_ranges("9") + id_ranges("9" * 18))


async def test_statistics_are_counted_group_by_group(store: Store) -> None:
    day_us = 86_400_000_000
    await save(
        store,
        new(1, component="a", created_us=0),
        ended(1, start_us=10, end_us=40, paused_us=5),
        new(2, component="a", created_us=5),
        ended(2, "error", start_us=10, end_us=20),
        new(3, component="b", created_us=day_us),
    )
    by_component = await store.job_stats([GroupBy.COMPONENT], JobFilter())
    assert [(each.group, each.count, each.finished) for each in by_component] == [
        ({"component": "a"}, 2, 2),
        ({"component": "b"}, 1, 0),
    ]
    assert (by_component[0].duration_sum_us, by_component[0].duration_max_us) == (35, 25)
    assert by_component[0].queue_sum_us == 15
    by_day = await store.job_stats([GroupBy.DAY, GroupBy.STATUS], JobFilter())
    assert [(tuple(each.group.values()), each.count) for each in by_day] == [
        (("1970-01-01", "error"), 1),
        (("1970-01-01", "success"), 1),
        (("1970-01-02", "created"), 1),
    ]
    (newest,) = await store.job_stats([GroupBy.STATUS], JobFilter(component="a"), newest=1)
    assert (newest.group, newest.count) == ({"status": "error"}, 1)
    two = await store.job_stats([GroupBy.STATUS], JobFilter(component="a", only_roots=True), newest=5)
    assert [each.count for each in two] == [1, 1]
    (whole,) = await store.job_stats([], JobFilter(component="a"))
    assert (whole.group, whole.count) == ({}, 2)
