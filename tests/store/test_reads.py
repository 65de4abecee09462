"""What the daemon reads at its start and while it runs."""

from dataclasses import asdict

from locksided.core.loading import ChildRecord, JobRecord
from locksided.core.saves import UpdateJob
from locksided.store import JobRow, Store
from store.samples import NOW, ended, new, save, started


async def test_jobs_that_are_not_final_are_read_by_id_in_chunks(store: Store) -> None:
    await save(
        store, *(new(n) for n in (5, 3, 9, 1, 7)), ended(3), started(9), UpdateJob(7, {"status": "waiting"})
    )
    assert await store.live_ids() == [1, 5, 7, 9]
    for chunk in (1, 2, 100):
        live = [job async for job in store.live_jobs(chunk)]
        assert [(job.id, job.status) for job in live] == [
            (1, "created"),
            (5, "created"),
            (7, "waiting"),
            (9, "processing"),
        ]


async def test_a_live_job_has_the_same_values_as_the_whole_row(store: Store) -> None:
    await save(
        store,
        new(1, lock_key="k", lock_policy="none", stages={"accepted": NOW}, parallelism=3, held_by="ann"),
    )
    (live,) = [job async for job in store.live_jobs()]
    row = await store.job_row(1)
    assert isinstance(live, JobRecord)
    assert isinstance(row, JobRow)
    assert asdict(live) == {name: getattr(row, name) for name in asdict(live)}


async def test_statuses_are_returned_for_final_jobs_only(store: Store) -> None:
    await save(store, new(1), new(2), new(3), ended(1), ended(2, "error"))
    assert await store.final_statuses([1, 2, 3, 4]) == {1: "success", 2: "error"}
    assert await store.final_statuses([]) == {}


async def test_the_parts_and_retries_of_a_job_are_found(store: Store) -> None:
    child = {"parent_id": 1, "relation": "strong", "behavior_on_error": "warning", "end_cause": "outcome"}
    weak = {"parent_id": 3, "relation": "weak"}
    await save(store, new(1), new(2, run_id="1.2", **child), new(3, retry_of_id=1), new(4))
    await save(store, new(5, run_id="3.5", **weak))
    assert [row.id for row in await store.parts(1)] == [2]
    assert await store.parts(3) == []
    assert [row.id for row in await store.retries(1)] == [3]
    assert await store.children_of([1, 4]) == [
        ChildRecord(2, 1, "created", "outcome", "warning", 0, "strong")
    ]


async def test_the_highest_id_is_zero_at_first(store: Store) -> None:
    assert await store.last_job_id() == 0
