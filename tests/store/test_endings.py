"""Outcomes of the jobs of configurations: counted over all jobs once, then updated by events."""

from lockside.documents.enums import JobType
from locksided.api.event_counts import Outcomes, Tally
from locksided.store import Store
from locksided.store.endings import Configuration
from store.samples import NOW, emit, ended, new, save

DAILY = Configuration("default", "default", "ex.table", "daily")
HOURLY = DAILY._replace(config="hourly")
OF_DAILY = {"component": "ex.table", "config": "daily"}


def status_event(status: str, job_id: int) -> object:
    return emit("job.status", job_id, data={"from": "processing", "to": status})


async def end(store: Store, job_id: int, status: str = "success", second: int = 0, **values: object) -> None:
    of = {"component": "ex.table", "config": "daily", **values}
    times = {"end_us": NOW + second * 1_000_000, "duration_us": second * 10}
    await save(store, new(job_id, **of), ended(job_id, status, **times), status_event(status, job_id))


async def test_outcomes_are_counted_by_status_with_the_last_success_and_the_last_duration(
    store: Store,
) -> None:
    tally = Tally(store)
    await end(store, 1, second=1)
    await end(store, 2, "warning", second=2)
    await end(store, 3, "error", second=3)
    await end(store, 4, "cancelled", second=4)
    counts = {"success": 1, "warning": 1, "error": 1, "cancelled": 1}
    expected = Outcomes(counts, success_us=NOW + 2_000_000, end_us=NOW + 3_000_000, duration_us=30)
    assert await tally.outcomes() == {DAILY: expected}
    assert await tally.outcomes() == {DAILY: expected}, "nothing counts twice"


async def test_a_job_that_ends_later_is_added_by_its_event_and_a_new_tally_counts_the_same(
    store: Store,
) -> None:
    tally = Tally(store)
    await end(store, 1, second=1)
    await tally.outcomes()
    await end(store, 2, second=2)
    await end(store, 3, "error", second=3, config="hourly")
    later = await tally.outcomes()
    assert later[DAILY].counts == {"success": 2}
    assert later[HOURLY].success_us is None
    assert await Tally(store).outcomes() == later


async def test_parts_of_a_job_and_jobs_without_a_configuration_do_not_count(store: Store) -> None:
    tally = Tally(store)
    await tally.outcomes()
    part = {"run_id": "9.1", "parent_id": 9, "relation": "strong"}
    await end(store, 1, creator_type="container", **part)
    await end(store, 2, creator_type="retry", **part)
    await end(store, 3, type=JobType.PHASE, creator_type="orchestration", **part)
    await end(store, 4, config=None)
    await end(store, 5, creator_type="orchestration", **part)
    assert {name: one.counts for name, one in (await tally.outcomes()).items()} == {DAILY: {"success": 1}}
    assert await Tally(store).outcomes() == await tally.outcomes()


async def test_only_the_configurations_whose_jobs_ended_last_are_kept(store: Store) -> None:
    tally = Tally(store, most=2)
    for number, name in enumerate(["a", "b", "c"], 1):
        await end(store, number, second=number, config=name)
    assert [one.config for one in await tally.outcomes()] == ["b", "c"]
    await end(store, 4, second=4, config="a")
    assert [one.config for one in await tally.outcomes()] == ["a", "c"]


async def test_everything_is_counted_again_when_events_between_are_missing(store: Store) -> None:
    tally = Tally(store)
    await end(store, 1)
    await tally.outcomes()
    await end(store, 2)
    await end(store, 3)
    await store._writer.run(lambda connection: connection.execute("DELETE FROM events WHERE seq < 3"))
    assert (await tally.outcomes())[DAILY].counts == {"success": 3}


async def test_totals_count_by_status_pool_and_component_with_histograms(
    store: Store,
) -> None:
    tally = Tally(store)
    await end(store, 1, pool="loads", second=600_000)
    await end(store, 2, "error", pool="loads", second=100_000, config=None)
    await end(store, 3, "cancelled", pool="loads")
    await tally.outcomes()
    counts = tally.totals.counts
    assert counts["success", "loads", "ex.table"] == counts["error", "loads", "ex.table"] == 1
    assert counts["cancelled", "loads", "ex.table"] == 1
    ran = tally.totals.durations["loads", "ex.table"]
    assert (dict(ran.buckets)["1.0"], dict(ran.buckets)["5.0"], ran.sum_seconds) == (1, 1, 7.0)
    assert dict(ran.buckets)["+Inf"] == 2, "what was cancelled never ran"


async def test_only_the_busiest_of_many_components_are_named_and_keep_their_names(store: Store) -> None:
    tally = Tally(store, most_components=2)
    await end(store, 1, component="a")
    for number, name in enumerate(["b", "b", "c", "c", "c"], 2):
        await end(store, number, component=name)
    assert [one.component for one in await tally.outcomes()] == ["b", "c"]
    assert tally.totals.counts["success", "", "other"] == 1
    await end(store, 10, component="a")
    assert [one.component for one in await tally.outcomes()] == ["b", "c"]
    assert tally.totals.counts["success", "", "other"] == 2
