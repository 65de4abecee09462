"""The scheduler actor: the only owner of the core. It saves the core's decisions, then carries them out.

Every turn takes all queued messages, lets the core decide on each, commits everything in one transaction, and
only then passes actions to the executors, answers, and notifies the watchers. If the commit fails, the core
is discarded and loaded again from the store, and the actor waits until the store can be written.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, TypeVar, cast

import structlog

from lockside.documents.enums import Status
from locksided import clock
from locksided.actors.broker import PROGRESS, Broker
from locksided.actors.deduplication import answer_twin, companion, other_parameters, remembering
from locksided.actors.executing import Executors
from locksided.actors.mailbox import Mailbox
from locksided.actors.messages import (
    Ask,
    Decided,
    DedupMark,
    Exclusive,
    Look,
    Message,
    ReadAgain,
    Repeated,
    Write,
)
from locksided.actors.scheduler_turn import SchedulerTurn
from locksided.actors.turns import decided, turns
from locksided.actors.wall_clock import WallClock
from locksided.core.errors import Conflict, Refused, Unavailable
from locksided.core.inputs import Input, Progressed, StoreRecovered, Submit
from locksided.core.pools import Trouble
from locksided.core.scheduler import Scheduler
from locksided.histograms import Timings
from locksided.store.catalog.dedup import DedupKey, agrees
from locksided.store.errors import StoreUnavailable
from locksided.store.rows import EventRow
from locksided.store.store import Store
from locksided.store.transaction import Applied, Operation, Saves

T = TypeVar("T")

MESSAGES_IN_A_TURN = 512
FIRST_PROBE_SECONDS = 1.0
LONGEST_PROBE_SECONDS = 15.0

log = structlog.get_logger("scheduler")


class SchedulerActor:
    """Owns the core. `ask` waits for the commit, `tell` does not, `look` reads committed state.

    `pools` has the slots of the existing pools, as of the last commit.
    """

    def __init__(
        self, store: Store, broker: Broker, load: Callable[[], Any], timings: Timings | None = None
    ) -> None:
        self._store = store
        self._broker = broker
        self._load = load
        self._mailbox: Mailbox[Message] = Mailbox()
        self._core: Scheduler | None = None
        self._executors: Executors | None = None
        self._trouble: Trouble | None = None
        self._is_stale = False
        """Whether the core is ahead of the disk: its last save failed, and it could not be reloaded yet."""
        self.pools: dict[str, int | None] = {}
        self._probe_seconds = FIRST_PROBE_SECONDS
        self._probe_at = 0.0
        self._wall_clock = WallClock()
        self._timings = timings or Timings()

    # -- the interface ------------------------------------------------------------------------------------

    async def ask(
        self,
        work: Input | Write | Exclusive,
        *,
        once: DedupMark | None = None,
        also: Callable[[Any], Write | None] | None = None,
        done: Callable[[Scheduler, Any], None] | None = None,
    ) -> Any:
        """Have work done and committed; raises Refused if it is not. `done` may replace a later `look`."""
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._mailbox.put(Ask(work, once, also, done, answer=answer))
        return await answer

    def tell(self, work: Input, answered: Callable[[bool], None] | None = None) -> None:
        """Report an input without waiting for its commit; `answered` is called with whether it was saved."""
        self._mailbox.put(Ask(work, saved=answered))

    async def look(self, at: Callable[[Scheduler], T]) -> T:
        """Read from the core at a moment when its state equals that on disk."""
        message = Look(at)
        self._mailbox.put(message)
        return cast("T", await message.answer)

    async def done_before(self, once: DedupMark | None) -> Repeated | None:
        """Return the result of the same call, if it was committed before; None for a call without a mark.

        Raises Conflict when the id was used for a call with other parameters.
        """
        if once is None:
            return None
        known = await self._store.dedup(DedupKey(*once.key))
        if known is None:
            return None
        if not agrees(known, once.params_hash, self._store.vault):
            raise other_parameters(once, known.ref)
        return Repeated(known.ref)

    async def read_again(self) -> None:
        """Discard the core and load it again from the store, as after a failed save."""
        message = ReadAgain()
        self._mailbox.put(message)
        await message.answer

    def resources_of(self, project: str) -> dict[str, int | None]:
        """Return the resources that jobs of a project may need, with their capacities."""
        return {one.id: one.capacity for one in self._loaded_core.state.resources_of(project)}

    def pools_without(self, capability: str) -> frozenset[str]:
        """Return the pools whose executor is known to lack a capability."""
        return frozenset(one.id for one in self._loaded_core.state.pools.values() if one.lacks(capability))

    def try_store_again(self) -> None:
        """Try an unavailable store again with the next message, before its pause is over."""
        self._probe_at = min(self._probe_at, clock.real_seconds())

    @property
    def trouble(self) -> Trouble | None:
        """Why the store cannot be written, or None."""
        return self._trouble

    # -- the loop -----------------------------------------------------------------------------------------

    async def start(self, executors: Executors) -> None:
        """Load the core from the store; after this, messages can be sent."""
        self._executors = executors
        self._core = await self._load()
        self.pools = self._loaded_core.state.slots_by_pool()
        executors.reconcile(self._core)

    async def run(self) -> None:
        """Process the mailbox until cancelled."""
        while True:
            taken = await self._mailbox.take(MESSAGES_IN_A_TURN, self._set_timer)
            for batch in turns(taken):
                await self._one_turn(batch)

    async def _one_turn(self, batch: list[Message]) -> None:
        try:
            await self._work(batch)
        except StoreUnavailable as error:
            await self._fall_back(batch, str(error), error.remedy)
        except Exception as error:
            # The one place that catches every exception: a fault of ours must not leave a half-changed core
            # behind.
            log.exception("a step failed; the core is read again", messages=len(batch))
            await self._fall_back(batch, f"a fault in the daemon ({type(error).__name__})")

    def _set_timer(self, wake: clock.Callback) -> clock.Timer:
        """Set a timer for what is due next: the next attempt to use the store, or a deadline of the core."""
        if self._trouble is not None:
            return clock.real_call_later(max(self._probe_at - clock.real_seconds(), 0.0), wake)
        return clock.call_at(self._loaded_core.next_deadline_us(), wake)

    @property
    def _loaded_core(self) -> Scheduler:
        assert self._core is not None, "start() comes first"
        return self._core

    async def _work(self, batch: list[Message]) -> None:
        if self._trouble is not None:
            await self._try_again(batch)
        else:
            asks = [message for message in batch if isinstance(message, Ask)]
            if asks or self._wall_clock.inputs(clock.now_us(), self._loaded_core.next_deadline_us()):
                await self._commit(asks)
            await self._answer_reads([message for message in batch if isinstance(message, ReadAgain)])
        for message in batch:
            if isinstance(message, Look):
                self._show(message)

    def _show(self, look: Look) -> None:
        """Answer from the core, but never with state that is not on disk."""
        if self._is_stale:
            look.refuse(self._unavailable())
        else:
            look.look(self._loaded_core)

    async def _answer_reads(self, asked: list[ReadAgain]) -> None:
        if not asked:
            return
        log.warning("the core is read again because somebody asked for it")
        if not await self._reload():
            raise StoreUnavailable(OSError("the live jobs cannot be read"))
        assert self._executors is not None
        self._executors.reconcile(self._loaded_core)
        self._broker.wake_all()
        for message in asked:
            message.reply()

    async def _commit(self, asks: list[Ask]) -> None:
        core = self._loaded_core
        asks = await decided(await self._not_done_before(asks), core)
        final = await self._final_statuses(asks)
        assert self._executors is not None
        turn = SchedulerTurn()
        now_us = clock.now_us()
        of_the_clock = self._wall_clock.inputs(now_us, core.next_deadline_us())
        began_us = clock.real_boot_us()
        for ask in (*map(Ask, of_the_clock), *asks):
            self._take(turn, ask, final, now_us)
        self._timings.decision.observe_since(began_us)
        units: list[Saves | Operation] = [Saves(turn.saves)] if turn.saves else []
        units += [Operation(write, ask.is_vital) for ask, write in turn.operations]
        if units:
            began_us = clock.real_boot_us()
            try:
                applied = await self._store.apply(units, self._executors.preparing(turn.actions))
            finally:
                self._timings.commit.observe_since(began_us)
            core.saved()
            self.pools = core.state.slots_by_pool()
            self._follow(turn, applied)
        else:
            self._act(turn, None)  # actions without saves, such as checking a program
        self._wall_clock.saved(of_the_clock)
        for ask, answer in turn.answers:
            if ask.done is not None:
                ask.done(core, answer)
            ask.reply(answer)
        for repeat, first in turn.repeats:
            answer_twin(repeat, first)

    def _take(self, turn: SchedulerTurn, ask: Ask, final: dict[int, Status], now_us: int) -> None:
        """Let the core decide on one message."""
        if ask.once is not None:
            first = turn.first_asks.setdefault(ask.once.key, ask)
            if first is not ask:
                turn.repeats.append((ask, first))
                return
        if callable(ask.work):
            turn.operations.append((ask, remembering(ask, ask.work)))
            return
        work = ask.work.work if isinstance(ask.work, Decided) else ask.work
        assert work is not None
        assert not isinstance(work, Exclusive), "it was decided before"
        if final and isinstance(work, Submit):
            work = replace(work, final=final)
        try:
            step = self._loaded_core.handle(work, now_us)
        except Refused as refusal:
            ask.refuse(refusal)
            return
        if isinstance(work, Progressed) and step.saves:
            turn.progress.append(self._progress_event(work, now_us))
        turn.saves += step.saves
        turn.actions += step.actions
        write = companion(ask, step.answer)
        if write is not None:
            turn.operations.append((ask, write))
        turn.answers.append((ask, step.answer))

    def _act(self, turn: SchedulerTurn, follow_up: Any) -> None:
        assert self._executors is not None
        if turn.actions:
            self._executors.perform(turn.actions, follow_up)
        for ask, _ in turn.answers:
            ask.tell_saved(True)
        self._executors.flush()

    def _follow(self, turn: SchedulerTurn, applied: Applied) -> None:
        """Act after the commit: carry out actions, answer the catalog's writes, notify the watchers."""
        self._act(turn, applied.follow_up)
        results = applied.results[-len(turn.operations) :] if turn.operations else []
        answered = {id(ask) for ask, _ in turn.answers}
        for (ask, _), result in zip(turn.operations, results, strict=True):
            if isinstance(result, Exception):
                ask.refuse(result)
            elif id(ask) not in answered:
                ask.reply(result)
        if applied.events:
            self._broker.publish(applied.events)
        for event in turn.progress:
            self._broker.tell_progress(event)

    def _progress_event(self, report: Progressed, now_us: int) -> EventRow:
        job = self._loaded_core.state.jobs[report.job_id]
        data: dict[str, Any] = {"progress": report.progress, "message": report.message}
        if report.counts is not None:
            data["counts"] = dict(report.counts)
        return EventRow(0, now_us, PROGRESS, job.project, job.id, job.run_id, None, data)

    # -- what the core cannot know ------------------------------------------------------------------------

    async def _not_done_before(self, asks: list[Ask]) -> list[Ask]:
        """Answer the calls that were done before with the same deduplication id; return the others."""
        remaining = []
        for ask in asks:
            try:
                repeated = await self.done_before(ask.once)
            except Conflict as conflict:
                ask.refuse(conflict)
                continue
            if repeated is None:
                remaining.append(ask)
            else:
                ask.reply(repeated)
        return remaining

    async def _final_statuses(self, asks: Iterable[Ask]) -> dict[int, Status]:
        """Return the final statuses of jobs that a submission depends on and that are no longer live."""
        wanted = {
            dependency.job_id
            for ask in asks
            if isinstance(ask.work, Submit)
            for draft in ask.work.drafts
            for dependency in draft.depends_on
            if dependency.job_id not in self._loaded_core.state.jobs
        }
        if not wanted:
            return {}
        found = await self._store.final_statuses(sorted(wanted))
        return {job_id: Status(status) for job_id, status in found.items()}

    # -- when the store fails -----------------------------------------------------------------------------

    async def _fall_back(self, batch: list[Message], cause: str, remedy: str = "") -> None:
        """Refuse the messages of a failed turn, none of which took effect, and reload the core."""
        if self._trouble is None:
            log.error("the store cannot be written", cause=cause, remedy=remedy)
            self._trouble = Trouble(cause, clock.now_us(), remedy)
            self._probe_seconds = FIRST_PROBE_SECONDS
            self._probe_at = clock.real_seconds() + self._probe_seconds
        for message in batch:
            if isinstance(message, Ask | ReadAgain):
                message.refuse(self._unavailable())
        await self._reload()
        for message in batch:
            if isinstance(message, Look):
                self._mailbox.put(message)

    async def _reload(self) -> bool:
        """Load the core again. Returns False on failure: nothing of the old core is shown any more."""
        self._is_stale = True
        try:
            core: Scheduler = await self._load()
        except StoreUnavailable as error:
            log.error("the store cannot be read", cause=str(error))
            return False
        core.state.store_trouble = self._trouble
        self._core = core
        self._is_stale = False
        return True

    async def _try_again(self, batch: list[Message]) -> None:
        """Refuse requests; continue normally once the store can be written and read again."""
        for message in batch:
            if isinstance(message, Ask | ReadAgain):
                message.refuse(self._unavailable())
        if clock.real_seconds() < self._probe_at:
            return  # requests meanwhile do not postpone the next attempt
        if not (await self._can_write() and await self._reload()):
            self._probe_seconds = min(self._probe_seconds * 2, LONGEST_PROBE_SECONDS)
            self._probe_at = clock.real_seconds() + self._probe_seconds
            return
        trouble, self._trouble = self._trouble, None
        self._loaded_core.state.store_trouble = None
        log.info("the store can be written again")
        if trouble is not None:
            self.tell(StoreRecovered(trouble.cause, trouble.since_us))
        assert self._executors is not None
        self._executors.reconcile(self._loaded_core)
        self._broker.wake_all()

    async def _can_write(self) -> bool:
        try:
            await self._store.probe()
        except StoreUnavailable as error:
            assert self._trouble is not None
            if self._trouble.cause != str(error):
                log.error("the store cannot be written", cause=str(error), remedy=error.remedy)
                self._trouble.cause, self._trouble.remedy = str(error), error.remedy
            return False
        return True

    def _unavailable(self) -> Unavailable:
        trouble = self._trouble
        assert trouble is not None
        text = f"The store cannot be written ({trouble.cause}). Nothing was changed"
        return Unavailable(f"{text}; {trouble.remedy or 'try again later'}.", cause=trouble.cause)
