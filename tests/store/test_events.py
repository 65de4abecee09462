"""Events have consecutive numbers that are never reused, and are found by kind, job and run."""

from pathlib import Path

import pytest

from locksided.core.saves import AppendEvent, UpdateJob
from locksided.store import EventFilter, EventRow, Store, StoreUnavailable
from locksided.store.retention import prune_events
from store.samples import ANN, NOW, do, emit, new, save

ALL = EventFilter()


async def test_apply_returns_events_as_they_are_read_later(store: Store) -> None:
    applied = await save(
        store, new(1), emit("job.created", 1, principal=ANN, data={"to": ["é", 1]}), emit("daemon.started")
    )
    assert applied.events == await store.events_after(ALL, 0, 10)
    assert applied.events[0] == EventRow(1, NOW, "job.created", "default", 1, "1", ANN, {"to": ["é", 1]})
    assert applied.events[1] == EventRow(2, NOW, "daemon.started", "default", None, None, None, {})


async def test_events_are_read_from_a_number_on(store: Store) -> None:
    await save(store, *(emit(f"k{n}") for n in range(5)))
    assert [event.seq for event in await store.events_after(ALL, 2, 2)] == [3, 4]
    assert [event.seq for event in await store.events_after(ALL, 4, 2)] == [5]
    assert (await store.oldest_seq(), await store.last_seq()) == (1, 5)


async def test_without_events_there_is_no_oldest_event(store: Store) -> None:
    assert (await store.oldest_seq(), await store.last_seq()) == (None, 0)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (EventFilter(kinds=("job.created",)), [1, 2, 3]),
        (EventFilter(kinds=("config.updated", "job.created")), [1, 2, 3, 5]),
        (EventFilter(kinds=("config.updated", "daemon.started")), [5, 6]),
        (EventFilter(job_id=2), [2, 4]),
        (EventFilter(job_id=2, kinds=("job.held",)), [4]),
        (EventFilter(run_id_prefix="1"), [1, 2, 4]),
        (EventFilter(run_id_prefix="1.2"), [2, 4]),
        (EventFilter(run_id_prefix="1."), [2, 4]),
        (EventFilter(run_id_prefix="1.2", kinds=("job.created",)), [2]),
        (EventFilter(project="other"), [6]),
        (EventFilter(run_id_prefix="x"), []),
    ],
    ids=str,
)
async def test_a_filter_reads_only_matching_events(
    store: Store, wanted: EventFilter, expected: list[int]
) -> None:
    applied = await save(
        store,
        emit("job.created", 1),
        emit("job.created", 2, run_id="1.2"),
        emit("job.created", 12),
        emit("job.held", 2, run_id="1.2"),
        emit("config.updated"),
        AppendEvent(NOW, "daemon.started", "other"),
    )
    assert [event.seq for event in await store.events_after(wanted, 0, 100)] == expected
    assert [event.seq for event in applied.events if wanted.matches(event)] == expected


async def test_a_failed_apply_uses_up_no_numbers_and_shows_no_events(store: Store) -> None:
    await save(store, emit())
    with pytest.raises(StoreUnavailable):
        await save(store, emit(), emit(), UpdateJob(99, {"message": "?"}))
    (event,) = (await save(store, emit())).events
    assert event.seq == 2
    assert [each.seq for each in await store.events_after(ALL, 0, 10)] == [1, 2]


async def test_numbers_continue_after_reopening_and_after_pruning_everything(tmp_path: Path) -> None:
    path, backups = str(tmp_path / "s.db"), str(tmp_path / "b")
    async with await Store.open(path, backups) as store:
        await save(store, *(emit() for _ in range(5)))
        gone = await do(store, lambda tx: prune_events(tx, NOW * 2, limit=100, keep_us=0, keep_count=0))
        assert gone == 4
    async with await Store.open(path, backups) as store:
        (event,) = (await save(store, emit())).events
        assert event.seq == 6
        assert await store.oldest_seq() == 5
