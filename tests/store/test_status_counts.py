"""The number of jobs of each status is updated by events and always equals a count of all jobs."""

from functools import partial

import pytest

from locksided.core.saves import AppendEvent
from locksided.store import Store
from locksided.store.retention import prune_events, purge_job
from locksided.store.status_counts import StatusCounts, status_counts
from store.samples import NOW, do, emit, ended, new, on_writer, save, started


def moved(job_id: int, before: str, after: str) -> AppendEvent:
    return emit("job.status", job_id, data={"from": before, "to": after})


async def counted(store: Store, known: StatusCounts | None = None, **more: int) -> StatusCounts:
    return await on_writer(store, partial(status_counts, known=known, **more))


async def test_statuses_are_counted_over_all_projects(store: Store) -> None:
    await save(store, new(1), new(2, project="other"), new(3), ended(3))
    assert (await counted(store)).counts == {"created": 2, "success": 1}


async def test_changes_since_the_last_count_are_added(store: Store) -> None:
    await save(store, new(1), emit("job.created", 1))
    known = await counted(store)
    await save(store, new(2), emit("job.created", 2), started(1), moved(1, "created", "processing"))
    await save(store, ended(1, "error"), moved(1, "processing", "error"), emit("job.stage", 1))
    later = await counted(store, known)
    assert later.counts == {"created": 1, "error": 1} == (await counted(store)).counts
    assert await counted(store, later) == later


@pytest.mark.parametrize("most", [0, 100])
async def test_all_are_counted_again_when_the_events_do_not_suffice(store: Store, most: int) -> None:
    await save(store, new(1), new(2), emit("job.created", 1), emit("job.created", 2), ended(1), ended(2))
    known = await counted(store)
    await do(store, lambda tx: purge_job(tx, 1))
    await save(store, emit("job.purged", 1))
    assert (await counted(store, known, most=most)).counts == {"success": 1}


async def test_all_are_counted_again_when_events_are_pruned(store: Store) -> None:
    await save(store, new(1), emit("job.created", 1))
    known = await counted(store)
    await save(store, new(2), emit("job.created", 2), new(3), emit("job.created", 3))
    await do(store, lambda tx: prune_events(tx, NOW + 1, limit=9, keep_us=0, keep_count=1))
    assert (await counted(store, known)).counts == {"created": 3}
