"""Followers of the event log: each event counts exactly once, whatever is killed or fails, and when."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from locksided.actors.broker import Broker
from locksided.actors.loader import load_core
from locksided.actors.messages import Decided
from locksided.actors.scheduler import SchedulerActor
from locksided.core import inputs as i
from locksided.core.actions import Action
from locksided.core.model import Principal
from locksided.core.saves import SetMeta
from locksided.core.scheduler import Scheduler
from locksided.followers import follower as follower_module
from locksided.followers.follower import Follower, Following
from locksided.settings import Settings
from locksided.store import Store, Transaction
from locksided.store.errors import StoreUnavailable
from locksided.store.events import EventFilter, cursor_key
from locksided.store.retention import prune_events
from locksided.store.rows import EventRow
from store.samples import do, emit, save

NAME, KIND = "counter", "config.created"
ANNA = Principal(1000, "anna", 1000)


class Executors:
    """Executors with nothing to start: these tests create no jobs."""

    def preparing(self, actions: Sequence[Action]) -> None:
        """Read nothing."""

    def perform(self, actions: Sequence[Action], prepared: Any) -> None:
        """Start nothing."""

    def flush(self) -> None:
        """Send nothing."""

    def reconcile(self, core: Scheduler) -> None:
        """Find nothing in flight."""


class Counter:
    """A follower that notes how often it has decided on each event, and pauses a pool for some of them."""

    def __init__(self) -> None:
        self.calls: list[list[int]] = []
        self.fault: Exception | None = None
        self.fault_of_write: Exception | None = None
        self.pauses: set[str] = set()

    async def decide(self, events: Sequence[EventRow], _core: Scheduler) -> Decided:
        self.calls.append([event.seq for event in events])
        if self.fault is not None:
            raise self.fault

        def write(tx: Transaction) -> None:
            if self.fault_of_write is not None:
                raise self.fault_of_write
            for event in events:
                counted = tx.reading().execute("SELECT value FROM meta WHERE key = ?", (f"seen {event.seq}",))
                (before,) = counted.fetchone() or ("0",)
                tx.save(SetMeta(f"seen {event.seq}", str(int(before) + 1)))

        is_pause = any(event.data.get("name") in self.pauses for event in events)
        return Decided(write, i.PausePool("default", "by a follower", ANNA) if is_pause else None)


class Life:
    """One run of the daemon's parts that a follower needs."""

    def __init__(self, store: Store, counter: Counter) -> None:
        self.store, self.broker, self.counter = store, Broker(), counter
        self.scheduler = SchedulerActor(store, self.broker, lambda: load_core(store, Settings()))
        follower = Follower(NAME, frozenset({KIND}), counter.decide)
        self.following = Following(follower, store, self.scheduler, self.broker)

    async def happens(self, *names: str, kind: str = KIND) -> None:
        """Commit events through the scheduler, as all callers do."""

        def write(tx: Transaction) -> None:
            for name in names:
                tx.event(1, kind, "default", data={"name": name})

        await self.scheduler.ask(write)

    async def caught_up(self, through: int | None = None) -> int:
        """Wait until the follower has decided on all its events, or on a given one; returns its cursor."""
        if through is None:
            concerning = await self.store.events_after(EventFilter(kinds=(KIND,)), 0, 10_000)
            through = concerning[-1].seq if concerning else 0
        while (cursor := int(await self.store.meta(cursor_key(NAME)) or -1)) < through:
            await anyio.lowlevel.checkpoint()
        return cursor

    async def seen(self) -> dict[int, int]:
        """Return how often each event was decided on, according to the disk."""
        events = await self.store.events_after(EventFilter(kinds=(KIND,)), 0, 10_000)
        found = {event.seq: await self.store.meta(f"seen {event.seq}") for event in events}
        return {seq: int(count or 0) for seq, count in found.items()}


@asynccontextmanager
async def living(path: Path, counter: Counter) -> AsyncIterator[Life]:
    """A life that ends as if by SIGKILL, without any notice."""
    async with await Store.open(str(path / "lockside.db"), str(path / "backups")) as store:
        life = Life(store, counter)
        await life.scheduler.start(Executors())
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(life.scheduler.run)
            tasks.start_soon(life.following.run)
            yield life
            tasks.cancel_scope.cancel()


async def test_a_new_follower_begins_with_the_events_after_its_first_start(tmp_path: Path) -> None:
    async with await Store.open(str(tmp_path / "lockside.db"), str(tmp_path / "backups")) as store:
        await save(store, *(emit(KIND) for _ in range(3)))
    async with living(tmp_path, Counter()) as life:
        assert await life.caught_up() == 3
        await life.happens("a", "b")
        await life.caught_up()
        assert await life.seen() == {1: 0, 2: 0, 3: 0, 4: 1, 5: 1}


async def test_events_that_happen_while_the_daemon_is_down_are_decided_once_at_its_return(
    tmp_path: Path,
) -> None:
    async with living(tmp_path, Counter()) as life:
        await life.caught_up()
    async with await Store.open(str(tmp_path / "lockside.db"), str(tmp_path / "backups")) as store:
        await save(store, *(emit(KIND) for _ in range(3)))
    for _ in range(2):
        async with living(tmp_path, Counter()) as life:
            await life.caught_up()
            assert set((await life.seen()).values()) == {1}


async def test_more_events_than_fit_into_one_decision_are_decided_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follower_module, "EVENTS_AT_ONCE", 7)
    counter = Counter()
    async with living(tmp_path, counter) as life:
        await life.caught_up()
        await life.happens(*"abcdefghijklmnopqrstuvwxyz")
        await life.caught_up()
        assert set((await life.seen()).values()) == {1}
    decided = [seq for call in counter.calls for seq in call]
    assert decided == sorted(decided)
    assert max(map(len, counter.calls)) == 7


async def test_the_decision_of_a_follower_reaches_the_core_with_its_cursor(tmp_path: Path) -> None:
    counter = Counter()
    counter.pauses = {"stop"}
    async with living(tmp_path, counter) as life:
        await life.caught_up()
        await life.happens("go", "stop")
        await life.caught_up()
        assert await life.scheduler.look(lambda core: core.state.pools["default"].is_paused)


@pytest.mark.parametrize("moment", ["before it is decided", "before the commit", "after the commit"])
async def test_whenever_the_daemon_dies_every_event_counts_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    counter = Counter()
    died = asyncio.Event()
    async with living(tmp_path, counter) as life:
        await life.caught_up()
        apply, decide = life.store.apply, counter.decide

        async def dying_decide(*given: Any) -> Decided:
            if moment == "before it is decided":
                died.set()
                await anyio.sleep_forever()
            return await decide(*given)

        async def dying_apply(units: Sequence[Any], *more: Any) -> Any:
            is_decision = bool(counter.calls)
            if is_decision and moment == "before the commit":
                died.set()
                await anyio.sleep_forever()
            applied = await apply(units, *more)
            if is_decision:
                died.set()
                await anyio.sleep_forever()
            return applied

        monkeypatch.setattr(life.store, "apply", dying_apply)
        object.__setattr__(life.following._follower, "decide", dying_decide)
        await life.happens("a", "b")
        await died.wait()
    async with living(tmp_path, counter) as life:
        await life.caught_up()
        assert list((await life.seen()).values()) == [1, 1]


async def test_a_decision_that_could_not_be_saved_is_made_again_when_the_store_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counter = Counter()
    async with living(tmp_path, counter) as life:
        await life.caught_up()
        apply = life.store.apply

        async def failing(units: Sequence[Any], *more: Any) -> Any:
            if len(counter.calls) == 1:
                monkeypatch.setattr(life.store, "apply", apply)
                raise StoreUnavailable(OSError("the disk is full"))
            return await apply(units, *more)

        monkeypatch.setattr(life.store, "apply", failing)
        await life.happens("a")
        await life.caught_up()
        assert list((await life.seen()).values()) == [1]
    assert len(counter.calls) == 2


async def test_a_fault_of_a_follower_delays_no_other_and_is_retried_at_the_next_event(
    tmp_path: Path,
) -> None:
    counter = Counter()
    counter.fault = RuntimeError("a fault")
    async with living(tmp_path, counter) as life:
        await life.caught_up()
        await life.happens("a")
        await life.happens("else", kind="config.updated")
        while not counter.calls:
            await anyio.lowlevel.checkpoint()
        cores = life.scheduler._core
        counter.fault = None
        await life.happens("b")
        await life.caught_up()
        assert list((await life.seen()).values()) == [1, 1]
        assert life.scheduler._core is cores, "the core was not read again"


async def test_a_fault_in_a_followers_write_undoes_only_its_own_decision(tmp_path: Path) -> None:
    counter = Counter()
    counter.fault_of_write = RuntimeError("a fault")
    async with living(tmp_path, counter) as life:
        await life.caught_up()
        await life.happens("a")
        while not counter.calls:
            await anyio.lowlevel.checkpoint()
        core = await life.scheduler.look(lambda core: core)
        counter.fault_of_write = None
        await life.happens("b")
        await life.caught_up()
        assert list((await life.seen()).values()) == [1, 1]
        assert life.scheduler._core is core, "the core was not read again"


async def test_events_that_concern_no_follower_wake_it_only_occasionally(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follower_module, "PASSED_OVER", 10)
    counter = Counter()
    async with living(tmp_path, counter) as life:
        await life.caught_up()
        for _ in range(9):
            await life.happens("else", kind="config.updated")
        assert not life.following._news.is_set()
        assert await life.store.meta(cursor_key(NAME)) == "0"
        await life.happens("else", kind="config.updated")
        assert await life.caught_up(through=10) == 10
    assert counter.calls == []


async def test_events_are_kept_until_every_follower_has_decided_on_them(tmp_path: Path) -> None:
    async with await Store.open(str(tmp_path / "lockside.db"), str(tmp_path / "backups")) as store:
        await save(store, *(emit(time_us=1) for _ in range(10)))
        await save(store, SetMeta(cursor_key("one"), "4"), SetMeta(cursor_key("another"), "12"))
        prune: Callable[[Transaction], int] = lambda tx: prune_events(tx, 10**15, limit=100, keep_count=1)  # noqa: E731
        assert await do(store, prune) == 4
        await save(store, SetMeta(cursor_key("one"), "12"))
        assert await do(store, prune) == 5
        assert await store.oldest_seq() == 10
