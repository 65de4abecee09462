"""The next attempt is stored as a copy of the previous one: its request, without its results."""

import pytest

from locksided.core.saves import CLONED, CloneJob, PutSpec, UpdateJob
from locksided.store import Store, StoreContradiction
from locksided.store.job_filter import JobFilter
from store.samples import NOW, ended, new, save, started

ASKED = {
    "parent_id": 1,
    "relation": "strong",
    "component": "ex",
    "config": "a",
    "name": "orders",
    "labels": {"team": "sales"},
    "owner_uid": 1000,
    "pool": "default",
    "spec_hash": "h",
    "lock_key": "c:default/ex/a",
    "lock_policy": "exclusive",
    "on_lost": "requeue",
}


def next_attempt(job_id: int, from_id: int, **values: object) -> CloneJob:
    given = {"run_id": f"1.{job_id}", "line_order": job_id, "created_us": NOW, "status": "created"}
    return CloneJob(job_id, from_id, {**given, **values})


async def first_attempt(store: Store) -> None:
    await save(
        store, PutSpec("h", b"{}"), new(1, type="retryContainer"), new(2, run_id="1.2", **ASKED), started(2)
    )


async def test_the_request_of_a_job_is_copied_and_its_results_are_not(store: Store) -> None:
    await first_attempt(store)
    result = {"message": "It failed."}
    await save(store, ended(2, "error", starts=1, launches=1, result=result), next_attempt(3, 2, attempt=1))
    row = await store.job_row(3)
    assert row is not None
    for column, value in ASKED.items():
        assert getattr(row, column) == value
    assert (row.status, row.attempt, row.starts, row.launches) == ("created", 1, 0, 0)
    assert (row.result, row.start_us, row.end_us) == (None, None, None)


async def test_a_copy_may_start_in_the_step_that_ends_the_original_and_takes_its_lock(store: Store) -> None:
    await first_attempt(store)
    await save(
        store, ended(2, "error"), next_attempt(3, 2), UpdateJob(3, {"status": "processing", "start_us": NOW})
    )
    row = await store.job_row(3)
    assert row is not None
    assert row.status == "processing"


async def test_a_copy_of_a_copy_in_one_transaction_is_like_the_first(store: Store) -> None:
    await first_attempt(store)
    await save(store, ended(2, "error"), next_attempt(3, 2), next_attempt(4, 3))
    row = await store.job_row(4)
    assert row is not None
    assert row.component == "ex"


async def test_a_copy_is_found_by_its_labels(store: Store) -> None:
    await first_attempt(store)
    await save(store, next_attempt(3, 2))
    found = await store.list_jobs(JobFilter(labels={"team": "sales"}))
    assert [row.id for row in found.rows] == [3, 2]


async def test_a_job_that_does_not_exist_cannot_be_copied(store: Store) -> None:
    with pytest.raises(StoreContradiction):
        await save(store, next_attempt(3, 2))


async def test_every_column_that_is_copied_exists(store: Store) -> None:
    await save(store, new(1))
    row = await store.job_row(1)
    assert all(hasattr(row, column) for column in CLONED)
