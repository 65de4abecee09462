"""Old data is removed, data in use stays, and no number is given twice."""

from functools import partial

import pytest

from locksided.core.errors import InvalidTransition, NotFound
from locksided.core.saves import InsertDependency, PutSpec
from locksided.store import EventFilter, JobFilter, Store
from locksided.store.catalog.dedup import DedupKey, remember_dedup
from locksided.store.retention import (
    DAY_US,
    KEEP_DEDUP_US,
    mark_cleaned,
    prune_dedup,
    prune_events,
    purge_job,
)
from store.samples import NOW, do, emit, ended, new, save, started


async def test_final_jobs_expire_in_order_until_their_folder_is_removed(store: Store) -> None:
    await save(
        store,
        *(new(n) for n in range(1, 5)),
        ended(1, expires_us=NOW + 20),
        ended(2, expires_us=NOW + 10),
        ended(3, expires_us=NOW + 99),
        started(4, expires_us=NOW),
    )
    assert await store.expired_jobs(NOW + 20, 10) == [2, 1]
    assert await store.expired_jobs(NOW + 20, 1) == [2]
    await do(store, lambda tx: mark_cleaned(tx, 2, NOW + 30))
    assert await store.expired_jobs(NOW + 20, 10) == [1]
    row = await store.job_row(2)
    assert row is not None
    assert (row.cleaned_us, row.expires_us) == (NOW + 30, NOW + 10)


async def test_an_environment_is_deleted_with_the_last_folder_that_uses_it(store: Store) -> None:
    await save(
        store, PutSpec("e", b'"secret"'), new(1, env_hash="e"), new(2, env_hash="e"), ended(1), ended(2)
    )
    await do(store, lambda tx: mark_cleaned(tx, 1, NOW))
    assert await store.specs(["e"]) == {"e": b'"secret"'}
    await do(store, lambda tx: mark_cleaned(tx, 2, NOW))
    assert await store.specs(["e"]) == {}


async def test_a_purged_job_is_deleted_with_all_its_rows_except_its_events(store: Store) -> None:
    await save(
        store,
        PutSpec("s", b"1"),
        PutSpec("t", b"2"),
        new(1, spec_hash="s", labels={"a": "b"}),
        new(2, spec_hash="t", env_hash="s"),
        new(3, spec_hash="t"),
        InsertDependency(2, 1, "final"),
        InsertDependency(3, 2, "final"),
        ended(1),
        ended(2),
        emit("job.created", 2),
    )
    assert await do(store, lambda tx: purge_job(tx, 2)) == [2]
    assert [row.id for row in await store.job_rows([1, 2, 3])] == [1, 3]
    assert await store.specs(["s", "t"]) == {"s": b"1", "t": b"2"}
    assert await store.dependencies_of([2, 3]) == []
    assert len(await store.events_after(EventFilter(job_id=2), 0, 10)) == 1
    await do(store, lambda tx: purge_job(tx, 1))
    assert await store.specs(["s", "t"]) == {"t": b"2"}
    assert (await store.list_jobs(JobFilter(labels={"a": "b"}))).rows == []
    assert await store.check() == []


async def test_purging_a_container_deletes_its_strong_descendants_only(store: Store) -> None:
    await save(
        store,
        new(1, type="container"),
        new(2, parent_id=1, relation="strong", run_id="1.2"),
        new(3, parent_id=2, relation="strong", run_id="1.2.3"),
        new(4, parent_id=2, relation="weak", run_id="1.2.4"),
        *(ended(n) for n in (1, 2, 3)),
    )
    assert sorted(await do(store, lambda tx: purge_job(tx, 1))) == [1, 2, 3]
    assert [row.id for row in await store.job_rows(range(1, 5))] == [4]


async def test_a_job_is_not_purged_while_a_part_of_it_is_live(store: Store) -> None:
    await save(
        store, new(1, type="container"), ended(1), new(2, parent_id=1, relation="strong", run_id="1.2")
    )
    for job_id in (1, 2):
        with pytest.raises(InvalidTransition, match="job 2 is created"):
            await do(store, partial(purge_job, job_id=job_id))
    assert len(await store.job_rows([1, 2])) == 2


async def test_a_child_is_not_purged_while_its_container_counts_it(store: Store) -> None:
    """Otherwise the container would not know after a restart that one of its children failed."""
    child = new(2, parent_id=1, relation="strong", run_id="1.2")
    await save(store, new(1, type="container"), child, ended(2, "error"))
    with pytest.raises(InvalidTransition, match="part of job 1, which is created"):
        await do(store, lambda tx: purge_job(tx, 2))
    await save(store, ended(1, "error"))
    assert await do(store, lambda tx: purge_job(tx, 2)) == [2]


async def test_purging_a_missing_job_is_not_found(store: Store) -> None:
    with pytest.raises(NotFound):
        await do(store, lambda tx: purge_job(tx, 1))


async def test_the_id_of_a_purged_job_is_never_given_again(store: Store) -> None:
    await save(store, new(1), new(2), ended(1), ended(2))
    await do(store, lambda tx: purge_job(tx, 2))
    assert await store.last_job_id() == 2
    await do(store, lambda tx: purge_job(tx, 1))
    assert await store.last_job_id() == 2


async def test_events_are_pruned_when_they_are_old_and_enough_newer_ones_remain(store: Store) -> None:
    await save(store, *(emit(time_us=NOW + day * DAY_US) for day in range(10)))
    now_us = NOW + 9 * DAY_US

    async def pruned(keep_days: int, keep_count: int, limit: int = 100) -> int:
        keep = {"keep_us": keep_days * DAY_US, "keep_count": keep_count, "limit": limit}
        return int(await do(store, lambda tx: prune_events(tx, now_us, **keep)))

    assert await pruned(keep_days=30, keep_count=1) == 0
    assert await pruned(keep_days=1, keep_count=100) == 0
    assert await pruned(keep_days=1, keep_count=7, limit=2) == 2
    assert await pruned(keep_days=1, keep_count=7, limit=2) == 1
    assert await store.oldest_seq() == 4
    assert await pruned(keep_days=4, keep_count=1) == 2
    assert await store.oldest_seq() == 6
    assert await pruned(keep_days=-1, keep_count=0) == 4
    assert await store.oldest_seq() == await store.last_seq() == 10


async def test_deduplication_ids_are_kept_for_a_while_and_as_long_as_their_job_exists(store: Store) -> None:
    await save(store, new(1), ended(1))

    keys = {name: DedupKey("default", 1, "m", name) for name in ("old", "young", "living")}
    for name, time_us, job_id in (("old", NOW, None), ("young", NOW + DAY_US, None), ("living", NOW, 1)):
        key = keys[name]
        await do(
            store, partial(remember_dedup, key=key, params_hash="h", ref={}, time_us=time_us, job_id=job_id)
        )
    assert await do(store, lambda tx: prune_dedup(tx, NOW + KEEP_DEDUP_US + 1)) == 1
    assert [name for name, key in keys.items() if await store.dedup(key) is not None] == ["young", "living"]
    await do(store, lambda tx: purge_job(tx, 1))
    assert await do(store, lambda tx: prune_dedup(tx, NOW + KEEP_DEDUP_US + 1)) == 1
