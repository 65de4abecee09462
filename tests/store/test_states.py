"""The state is that of the last successful run; deduplication ids identify the first request."""

import pytest

from locksided.core.errors import Conflict
from locksided.store import EventFilter, StateRow, Store
from locksided.store.catalog.dedup import DedupKey, move_dedup, remember_dedup
from locksided.store.catalog.keys import ConfigId
from locksided.store.catalog.states import reset_state, save_state
from store.samples import ANN, NOW, change, do, new, save

A = ConfigId("ex", "a")
KEY = DedupKey("default", 1000, "job.create", "d1")


async def test_without_a_saved_state_the_state_is_empty(store: Store) -> None:
    assert await store.state(A) == StateRow({}, 0, None, None)


async def test_a_saved_state_can_be_read_and_emits_an_event(store: Store) -> None:
    saved = await do(store, lambda tx: save_state(tx, A, None, {"last": "x"}, change(), job_id=7))
    assert saved == await store.state(A) == StateRow({"last": "x"}, 1, NOW, 7)
    (event,) = await store.events_after(EventFilter(), 0, 10)
    assert (event.kind, event.job_id, event.principal) == ("state.saved", 7, ANN)
    names = {"branchId": "default", "component": "ex", "config": "a", "row": None, "version": 1}
    assert event.data == names


async def test_rows_have_separate_states(store: Store) -> None:
    await do(store, lambda tx: save_state(tx, A, "r1", {"n": 1}, change()))
    assert (await store.state(A)).version == 0
    assert (await store.state(A, "r1")).body == {"n": 1}
    assert (await store.state(ConfigId("ex", "a", "dev"), "r1")).version == 0


async def test_an_equal_state_does_not_make_a_new_version(store: Store) -> None:
    for _ in range(2):
        await do(store, lambda tx: save_state(tx, A, None, {"n": 1}, change()))
    assert (await store.state(A)).version == 1
    assert await store.last_seq() == 1


@pytest.mark.parametrize("empty", [None, {}])
async def test_an_empty_state_clears_it(store: Store, empty: dict[str, int] | None) -> None:
    await do(store, lambda tx: save_state(tx, A, None, {"n": 1}, change()))
    cleared = await do(store, lambda tx: save_state(tx, A, None, empty, change()))
    assert (cleared.body, cleared.version) == ({}, 2)


async def test_a_reset_clears_the_state_and_emits_an_event(store: Store) -> None:
    await do(store, lambda tx: save_state(tx, A, None, {"n": 1}, change()))
    assert (await do(store, lambda tx: reset_state(tx, A, None, change()))).body == {}
    events = await store.events_after(EventFilter(kinds=("state.reset",)), 0, 10)
    assert [event.data["version"] for event in events] == [2]


async def test_a_first_request_is_stored_and_a_repeat_returns_its_answer(store: Store) -> None:
    assert await do(store, lambda tx: remember_dedup(tx, KEY, "h", {"job": "1"}, NOW, job_id=1)) is None
    repeat = await do(store, lambda tx: remember_dedup(tx, KEY, "h", {"job": "2"}, NOW + 9, job_id=2))
    assert repeat == await store.dedup(KEY)
    assert (repeat.ref, repeat.job_id, repeat.created_us) == ({"job": "1"}, 1, NOW)


async def test_other_parameters_under_the_same_id_conflict_naming_the_first(store: Store) -> None:
    await do(store, lambda tx: remember_dedup(tx, KEY, "h", {"job": "1"}, NOW))
    with pytest.raises(Conflict) as refusal:
        await do(store, lambda tx: remember_dedup(tx, KEY, "other", {"job": "2"}, NOW))
    assert refusal.value.data["first"] == {"job": "1"}


@pytest.mark.parametrize(
    "other",
    [
        DedupKey("p", 1000, "job.create", "d1"),
        DedupKey("default", 1, "job.create", "d1"),
        DedupKey("default", 1000, "job.retry", "d1"),
        DedupKey("default", 1000, "job.create", "d2"),
    ],
    ids=str,
)
async def test_an_id_is_separate_by_project_user_and_method(store: Store, other: DedupKey) -> None:
    await do(store, lambda tx: remember_dedup(tx, KEY, "h", {"job": "1"}, NOW))
    assert await store.dedup(other) is None
    assert await do(store, lambda tx: remember_dedup(tx, other, "else", {}, NOW)) is None


async def test_an_id_moves_to_the_successor_of_its_job(store: Store) -> None:
    await save(store, new(1), new(2))
    await do(store, lambda tx: remember_dedup(tx, KEY, "h", {"job": "1"}, NOW, job_id=1))
    await do(store, lambda tx: move_dedup(tx, 1, 2, {"job": "2"}))
    first = await store.dedup(KEY)
    assert first is not None
    assert (first.ref, first.job_id) == ({"job": "2"}, 2)
