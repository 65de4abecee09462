"""A follower reads the event log from a stored cursor and decides what to do about the events.

The cursor is saved in the transaction of the decision, so every event counts exactly once, whatever is killed
when. A commit wakes the follower; events that do not concern it cost no wake-up.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from locksided import clock, threads
from locksided.actors.broker import Broker
from locksided.actors.messages import Decided, Exclusive, Write
from locksided.actors.scheduler import SchedulerActor
from locksided.core.errors import Refused
from locksided.core.saves import SetMeta
from locksided.core.scheduler import Scheduler
from locksided.store.errors import StoreUnavailable
from locksided.store.events import EventFilter, cursor_key
from locksided.store.rows import EventRow
from locksided.store.store import Store
from locksided.store.transaction import Transaction

log = structlog.get_logger("followers")

EVENTS_AT_ONCE = 500
PASSED_OVER = 10_000
"""After this many events that do not concern it a follower saves its cursor, so that they can be deleted."""

RESTS_TIMES, REST_SECONDS = 10, (0.1, 1.0)
"""A patient follower rests for a multiple of its working time, within these bounds."""

RECOVERED = "daemon.storeRecovered"


@dataclass(frozen=True, slots=True)
class Follower:
    """A reader of the log, with a name that is never reused. Events of its `kinds` concern it.

    `decide` is called with such events, in order, and with the core; nothing is written between that look and
    the commit. If the commit failed it is called again with the same events. It may raise. `concerns`, if
    set, is called with all events of each commit, of any kind, and with their kinds: the follower is woken
    only if it returns true. `written` gets the result of the write of each committed decision. A follower
    that `is_patient` rests between decisions, in proportion to the duration of the last one: a turn of the
    scheduler that handles many events delays jobs less.

    A follower that needs no core decides `beside` the turns instead, while jobs continue: its write must
    verify that what it looked at still applies, and raises Refused if not.
    """

    name: str
    kinds: frozenset[str]
    decide: Callable[[Sequence[EventRow], Scheduler], Awaitable[Decided]] | None = None
    concerns: Callable[[Sequence[EventRow], frozenset[str]], bool] | None = None
    written: Callable[[Any], None] | None = None
    is_patient: bool = False
    beside: Callable[[Sequence[EventRow]], Awaitable[Write]] | None = None

    def is_woken_by(self, events: Sequence[EventRow], kinds: frozenset[str]) -> bool:
        """Return whether any of these events concerns it."""
        if self.concerns is None:
            return RECOVERED in kinds or not self.kinds.isdisjoint(kinds)
        return self.concerns(events, kinds) or RECOVERED in kinds


class Following:
    """Runs one follower. A new one begins with the events after its first start."""

    def __init__(self, follower: Follower, store: Store, scheduler: SchedulerActor, broker: Broker) -> None:
        self._follower = follower
        self._store = store
        self._scheduler = scheduler
        self._broker = broker
        self._filter = EventFilter(kinds=tuple(sorted(follower.kinds)))
        self._news = asyncio.Event()
        self._passed_over = 0
        self._is_behind = True
        self._has_news = False
        """Whether there may be events after the cursor that concern it; if not, all can be skipped up to:"""
        self._passed_seq = 0

    async def run(self) -> None:
        """Follow until cancelled. A failed decision or save is repeated at the next news."""
        with self._broker.watching(self._note):
            while True:
                self._news.clear()
                began = clock.real_seconds()
                try:
                    await self._one_decision()
                except Refused as refusal:
                    self._is_behind, self._has_news = False, True
                    log.warning("events wait", follower=self._follower.name, cause=refusal.message)
                except Exception:
                    # Its write failed. This catches every exception, because it must not end the daemon.
                    self._is_behind, self._has_news = False, True
                    log.exception("a follower failed", follower=self._follower.name)
                await self._pause(clock.real_seconds() - began)
                if not self._is_behind:
                    await self._news.wait()

    async def _one_decision(self) -> None:
        if self._follower.beside is None:
            answer = await self._scheduler.ask(Exclusive(self._decide))
        else:
            with threads.at_work:
                answer = await self._scheduler.ask((await self._decide(None)).write)
        if self._follower.written is not None and answer is not None:
            self._follower.written(answer)

    async def _pause(self, worked_seconds: float) -> None:
        """Let events accumulate. Moves of a test clock wait until they are decided on."""
        if self._follower.is_patient:
            least, most = REST_SECONDS
            with threads.at_work:
                await clock.real_sleep(min(max(RESTS_TIMES * worked_seconds, least), most))

    def _note(self, events: list[EventRow], kinds: frozenset[str]) -> None:
        self._passed_over += len(events)
        self._passed_seq = max(self._passed_seq, events[-1].seq)
        if self._follower.is_woken_by(events, kinds):
            self._has_news = True
        elif self._passed_over < PASSED_OVER:
            return
        self._news.set()

    async def _decide(self, core: Scheduler | None) -> Decided:
        """Return the decision on the next events, with the cursor after them."""
        self._passed_over = 0
        key, passed_seq = cursor_key(self._follower.name), self._passed_seq
        if not (self._has_news or self._is_behind):
            return Decided(lambda tx: tx.save(SetMeta(key, str(passed_seq))))
        self._has_news = False
        last, cursor = await self._store.last_seq(), await self._store.meta(key)
        after = last if cursor is None else int(cursor)
        events = await self._store.events_after(self._filter, after, EVENTS_AT_ONCE)
        self._is_behind = len(events) == EVENTS_AT_ONCE
        decided = await self._decision(events, core) if events else Decided(_nothing)
        read = events[-1].seq if events else 0
        through = read if self._is_behind else max(read, last)
        self._passed_seq = max(self._passed_seq, through)

        def write(tx: Transaction) -> object:
            tx.save(SetMeta(key, str(through)))
            return decided.write(tx)

        return Decided(write, decided.work, decided.also)

    async def _decision(self, events: Sequence[EventRow], core: Scheduler | None) -> Decided:
        """Return the follower's decision. Its own faults must affect neither the core nor other followers."""
        try:
            if self._follower.beside is not None:
                return Decided(await self._follower.beside(events))
            assert self._follower.decide is not None
            assert core is not None
            return await self._follower.decide(events, core)
        except (Refused, StoreUnavailable):
            raise
        except Exception as fault:
            log.exception("a follower failed", follower=self._follower.name, first=events[0].seq)
            raise Refused(f"the follower failed ({type(fault).__name__})") from fault


def _nothing(_tx: Transaction) -> None:
    """The write of no events."""
