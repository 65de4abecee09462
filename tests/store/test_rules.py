"""The database enforces the core's rules too and rejects violations."""

from typing import Any

import pytest

from locksided.core.saves import InsertDependency, UpdateJob
from locksided.store import Store, StoreContradiction, StoreUnavailable
from store.samples import NOW, ended, new, save, started

EXCLUSIVE = {"lock_key": "c:default/ex/a", "lock_policy": "exclusive"}


async def test_two_jobs_of_one_exclusive_key_never_process_at_once(store: Store) -> None:
    await save(store, new(1, **EXCLUSIVE), new(2, **EXCLUSIVE), started(1))
    with pytest.raises(StoreContradiction):
        await save(store, started(2))
    row = await store.job_row(2)
    assert row is not None
    assert row.status == "created"


async def test_a_terminating_job_still_holds_its_key(store: Store) -> None:
    await save(store, new(1, **EXCLUSIVE), started(1), new(2, **EXCLUSIVE))
    await save(store, UpdateJob(1, {"status": "terminating"}))
    with pytest.raises(StoreUnavailable):
        await save(store, started(2))


async def test_a_job_may_start_in_the_step_that_ends_the_holder_of_its_key(store: Store) -> None:
    await save(store, new(1, **EXCLUSIVE), new(2, **EXCLUSIVE), started(1))
    await save(store, started(2), ended(1))
    row = await store.job_row(2)
    assert row is not None
    assert row.status == "processing"


async def test_a_job_may_be_inserted_running_in_the_step_that_ends_the_holder(store: Store) -> None:
    await save(store, new(1, **EXCLUSIVE), started(1))
    await save(store, new(2, **EXCLUSIVE), started(2), ended(1))


async def test_keys_are_separate_by_project_and_by_policy(store: Store) -> None:
    await save(store, new(1, **EXCLUSIVE), started(1), new(2, **EXCLUSIVE, project="other"), started(2))
    shared = {"lock_key": "k", "lock_policy": "shared:2"}
    await save(store, new(3, **shared), started(3), new(4, **shared), started(4))


@pytest.mark.parametrize(
    "values",
    [
        {"status": "asleep"},
        {"desired_status": "created"},
        {"priority": 101},
        {"progress": 1.5},
        {"relation": "loose"},
        {"lock_policy": "shared:0"},
        {"status": "success"},
        {"end_us": NOW},
        {"status": "processing"},
        {"status": "cancelled", "end_us": NOW, "starts": 1},
        {"created_us": None},
        {"starts": "many"},
        {"behavior_on_error": "shrug"},
        {"type": "container", "start_token": "1-1-0"},
        {"type": "container", "expires_us": NOW},
        {"type": "container", "status": "cancelled", "end_us": NOW, "starts": 1},
        {"no_such_column": 1},
    ],
    ids=str,
)
async def test_an_impossible_job_is_refused(store: Store, values: dict[str, Any]) -> None:
    with pytest.raises(StoreUnavailable):
        await save(store, new(1, **values))
    assert await store.job_row(1) is None


async def test_a_job_cannot_wait_for_itself(store: Store) -> None:
    with pytest.raises(StoreContradiction):
        await save(store, new(1), InsertDependency(1, 1, "final"))


async def test_an_id_is_used_once(store: Store) -> None:
    await save(store, new(1))
    with pytest.raises(StoreContradiction):
        await save(store, new(1))


async def test_a_job_names_only_specifications_that_are_stored(store: Store) -> None:
    with pytest.raises(StoreContradiction):
        await save(store, new(1, spec_hash="unknown"))
