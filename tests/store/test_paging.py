"""Every list can be read to its end page by page, whatever the sizes of its entries."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from lockside.kinds import COMPONENT, CONFIG
from locksided.core.errors import Invalid
from locksided.store import EventFilter, JobFilter, JobPage, OrderBy, Store
from locksided.store.catalog import objects
from locksided.store.catalog.keys import ConfigId, Key, all_of
from locksided.store.events import seq_at
from locksided.store.paging import PageRequest, Slice, first_of
from store.samples import change, do, new, save

SIZES = [10, 5000, 10, 10, 90_000, 3000, 10]
LIMITS = [(1000, 2**20), (2, 2**20), (1000, 4000), (3, 1)]


async def read_all(
    read: Callable[[PageRequest], Awaitable[Slice[Any]]], limit: int, max_bytes: int
) -> list[Any]:
    """Return all entries of a list; every page has an entry, unless the list is empty."""
    found: list[Any] = []
    cursor = None
    while True:
        page = await read(PageRequest(limit, cursor, max_bytes))
        assert len(page.entries) <= limit
        found += page.entries
        if not page.has_more:
            return found
        assert page.entries
        cursor = page.cursor_at(page.entries[-1])


@pytest.mark.parametrize(("limit", "max_bytes"), LIMITS)
async def test_stored_objects_are_read_to_the_end(store: Store, limit: int, max_bytes: int) -> None:
    for place, size in enumerate(SIZES):
        for component in ("ex", "wr"):
            config_id = ConfigId(component, f"c{place}")
            await do(
                store, lambda tx, c=config_id, n=size: objects.put(tx, c.key(), {"text": "x" * n}, change())
            )
    found = await read_all(lambda request: store.objects(all_of(CONFIG), request), limit, max_bytes)
    expected = [
        (f"default/{component}", f"c{place}") for component in ("ex", "wr") for place in range(len(SIZES))
    ]
    assert [(one.scope, one.id) for one in found] == expected


@pytest.mark.parametrize(("limit", "max_bytes"), LIMITS)
async def test_a_filtered_list_of_objects_is_read_to_the_end(
    store: Store, limit: int, max_bytes: int
) -> None:
    for place, size in enumerate(SIZES):
        body = {"type": "writer" if place % 2 else "other", "text": "x" * size}
        key = Key("default", COMPONENT, (f"c{place}",))
        await do(store, lambda tx, k=key, b=body: objects.put(tx, k, b, change()))
    wanted = all_of(COMPONENT, keep=lambda body: body["type"] == "writer")
    found = await read_all(lambda request: store.objects(wanted, request), limit, max_bytes)
    assert [one.id for one in found] == ["c1", "c3", "c5"]


@pytest.mark.parametrize(("limit", "max_bytes"), LIMITS)
async def test_versions_are_read_to_the_end(store: Store, limit: int, max_bytes: int) -> None:
    config_id = ConfigId("ex", "a").key()
    for place, size in enumerate(SIZES):
        how = change(description="x" * size)
        await do(store, lambda tx, n=place, h=how: objects.put(tx, config_id, {"n": n}, h))
    found = await read_all(lambda request: store.versions(config_id, request), limit, max_bytes)
    assert [one.version for one in found] == list(range(len(SIZES), 0, -1))


@pytest.mark.parametrize(("limit", "max_bytes"), LIMITS)
@pytest.mark.parametrize("order_by", OrderBy)
async def test_jobs_are_read_to_the_end(store: Store, order_by: OrderBy, limit: int, max_bytes: int) -> None:
    await save(store, *(new(n, description="x" * size) for n, size in enumerate(SIZES, 1)))

    async def read(request: PageRequest) -> Slice[Any]:
        page = JobPage(request.limit, request.cursor, request.max_bytes, order_by, descending=False)
        return (await store.list_jobs(JobFilter(), page)).page

    assert [row.id for row in await read_all(read, limit, max_bytes)] == list(range(1, len(SIZES) + 1))


@pytest.mark.parametrize(("limit", "max_bytes"), LIMITS)
async def test_events_are_read_to_the_end(store: Store, limit: int, max_bytes: int) -> None:
    for size in SIZES:
        data = {"text": "x" * size}
        await do(store, lambda tx, d=data: tx.event(1, "config.updated", "default", data=d))

    async def read(request: PageRequest) -> Slice[Any]:
        after = seq_at(request.cursor) or 0
        return await store.event_page(EventFilter(), after, request.limit, request.max_bytes)

    assert [event.seq for event in await read_all(read, limit, max_bytes)] == list(range(1, len(SIZES) + 1))


async def test_the_cursor_of_another_list_is_refused(store: Store) -> None:
    await save(store, new(1), new(2))
    cursor = (await store.list_jobs(JobFilter(), JobPage(limit=1))).next_cursor
    with pytest.raises(Invalid, match="another list"):
        seq_at(cursor)
    with pytest.raises(Invalid, match="another list"):
        await store.objects(all_of(CONFIG), PageRequest(cursor=cursor))


def test_a_page_is_full_at_its_limit_or_before_its_bytes_but_never_empty() -> None:
    sizes = [4, 4, 4, 50, 4]
    assert first_of(sizes, int, max_bytes=12) == ([4, 4, 4], True)
    assert first_of(sizes, int, max_bytes=100, limit=2) == ([4, 4], True)
    assert first_of(sizes[3:], int, max_bytes=12) == ([50], True)
    assert first_of(sizes, int, max_bytes=100, limit=5) == (sizes, False)
    assert first_of([], int, max_bytes=12) == ([], False)
