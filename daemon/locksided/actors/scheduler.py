"""The scheduler actor: the only one who touches the core. It saves what the core decides, then has it done.

Every turn takes all messages in hand, lets the core decide on each, commits all in one transaction, and
only then hands actions to the executors, answers, and tells the watchers. When the commit fails the core is
thrown away with all of it and read again from the store, and the actor waits until the store can be written.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar, cast

import anyio
import structlog

from locksided import clock
from locksided.actors.broker import PROGRESS, Broker
from locksided.actors.deduplication import answer_twin, companion, other_parameters, remembering
from locksided.actors.mailbox import Mailbox
from locksided.actors.messages import Ask, Look, Message, Once, Repeated, Write
from locksided.core.actions import Action
from locksided.core.errors import Conflict, Refused, Unavailable
from locksided.core.inputs import Input, Progressed, Submit, TimePassed
from locksided.core.model import Status
from locksided.core.pools import Trouble
from locksided.core.saves import Save
from locksided.core.scheduler import Scheduler
from locksided.store.catalog.dedup import DedupKey
from locksided.store.errors import StoreUnavailable
from locksided.store.rows import EventRow
from locksided.store.store import Store
from locksided.store.transaction import Applied, Operation, Saves

T = TypeVar("T")

MESSAGES_IN_A_TURN = 512
LONGEST_SLEEP_SECONDS = 60.0  # a clock that was set forward is noticed by then
FIRST_PROBE_SECONDS = 1.0
LONGEST_PROBE_SECONDS = 15.0

log = structlog.get_logger("scheduler")


class Executors(Protocol):
    """Who carries out the actions."""

    def perform(self, action: Action) -> None:
        """Take one action; never waits."""

    def reconcile(self, core: Scheduler) -> None:
        """Find out what became of every job that is in flight."""


@dataclass(slots=True)
class Turn:
    """What one transaction is made of, and what follows it."""

    saves: list[Save] = field(default_factory=list)
    operations: list[tuple[Ask, Write]] = field(default_factory=list)
    actions: list[Action] = field(default_factory=list)
    answers: list[tuple[Ask, Any]] = field(default_factory=list)
    first_asks: dict[tuple[str, int, str, str], Ask] = field(default_factory=dict)
    repeats: list[tuple[Ask, Ask]] = field(default_factory=list)
    progress: list[EventRow] = field(default_factory=list)


class SchedulerActor:
    """Owns the core. `ask` waits for the commit, `tell` does not, `look` reads what is committed."""

    def __init__(self, store: Store, broker: Broker, load: Callable[[], Any]) -> None:
        self._store = store
        self._broker = broker
        self._load = load
        self._mailbox: Mailbox[Message] = Mailbox()
        self._core: Scheduler | None = None
        self._executors: Executors | None = None
        self._trouble: Trouble | None = None
        self._is_stale = False
        """Whether the core is ahead of the disk: its last save failed, and it could not be read again yet."""
        self._probe_seconds = FIRST_PROBE_SECONDS
        self._probe_at = 0.0
        """When the store is tried again, by the loop's clock."""

    # -- for everybody else -------------------------------------------------------------------------------

    async def ask(
        self,
        work: Input | Write,
        *,
        once: Once | None = None,
        also: Callable[[Any], Write | None] | None = None,
    ) -> Any:
        """Have it done and committed; raises Refused when it is not."""
        message = Ask(work, once, also)
        self._mailbox.put(message)
        return await message.answer

    def tell(self, work: Input) -> None:
        """Report something without waiting for its commit."""
        self._mailbox.put(Ask(work))

    async def look(self, at: Callable[[Scheduler], T]) -> T:
        """Read from the core at a moment when it is what the disk says."""
        message = Look(at)
        self._mailbox.put(message)
        return cast("T", await message.answer)

    async def done_before(self, once: Once) -> Repeated | None:
        """What the same call came to, when it was done and committed before.

        Raises Conflict when the id stands for a call with other parameters.
        """
        known = await self._store.dedup(DedupKey(*once.key))
        if known is None:
            return None
        if known.params_hash != once.params_hash:
            raise other_parameters(once, known.ref)
        return Repeated(known.ref)

    @property
    def trouble(self) -> Trouble | None:
        """Why the store cannot be written, if it cannot."""
        return self._trouble

    # -- the loop -----------------------------------------------------------------------------------------

    async def start(self, executors: Executors) -> None:
        """Read the core from the store; after this messages can be sent."""
        self._executors = executors
        self._core = await self._load()
        executors.reconcile(self._core)

    async def run(self) -> None:
        """Work through the mailbox until cancelled."""
        while True:
            batch = await self._mailbox.take(MESSAGES_IN_A_TURN, self._seconds_to_deadline())
            try:
                await self._work(batch)
            except StoreUnavailable as error:
                await self._fall_back(batch, str(error))
            except Exception as error:
                # The one place that takes any fault: a fault of ours must not leave a half-done core behind.
                log.exception("a step failed; the core is read again", messages=len(batch))
                await self._fall_back(batch, f"a fault in the daemon ({type(error).__name__})")

    def _seconds_to_deadline(self) -> float:
        if self._trouble is not None:
            return max(self._probe_at - anyio.current_time(), 0.0)
        deadline_us = self._the_core.next_deadline_us()
        if deadline_us is None:
            return LONGEST_SLEEP_SECONDS
        return min(max((deadline_us - clock.now_us()) / 1e6, 0.0), LONGEST_SLEEP_SECONDS)

    @property
    def _the_core(self) -> Scheduler:
        assert self._core is not None, "start() comes first"
        return self._core

    async def _work(self, batch: list[Message]) -> None:
        if self._trouble is not None:
            await self._try_again(batch)
        else:
            asks = [message for message in batch if isinstance(message, Ask)]
            if asks or self._is_due(clock.now_us()):
                await self._commit(asks)
        for message in batch:
            if isinstance(message, Look):
                self._show(message)

    def _is_due(self, now_us: int) -> bool:
        deadline_us = self._the_core.next_deadline_us()
        return deadline_us is not None and deadline_us <= now_us

    def _show(self, look: Look) -> None:
        """Answer from the core, but never with what the disk does not know."""
        if self._is_stale:
            look.refuse(self._unavailable())
        else:
            look.look(self._the_core)

    async def _commit(self, asks: list[Ask]) -> None:
        asks = await self._not_done_before(asks)
        final = await self._final_statuses(asks)
        turn = Turn()
        now_us = clock.now_us()
        if self._is_due(now_us):
            asks.insert(0, Ask(TimePassed()))
        for ask in asks:
            self._take(turn, ask, final, now_us)
        units: list[Saves | Operation] = [Saves(turn.saves)] if turn.saves else []
        units += [Operation(write) for _, write in turn.operations]
        if units:
            applied = await self._store.apply(units)
            self._the_core.saved()
            self._follow(turn, applied)
        for ask, answer in turn.answers:
            ask.reply(answer)
        for repeat, first in turn.repeats:
            answer_twin(repeat, first)

    def _take(self, turn: Turn, ask: Ask, final: dict[int, Status], now_us: int) -> None:
        """Let the core decide on one message."""
        if ask.once is not None:
            first = turn.first_asks.setdefault(ask.once.key, ask)
            if first is not ask:
                turn.repeats.append((ask, first))
                return
        if callable(ask.work):
            turn.operations.append((ask, remembering(ask, ask.work)))
            return
        work = ask.work
        if isinstance(work, Submit):
            work = Submit(work.drafts, work.principal, final)
        try:
            step = self._the_core.handle(work, now_us)
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

    def _follow(self, turn: Turn, applied: Applied) -> None:
        """It is on disk: act, answer the catalog's writes, tell the watchers."""
        assert self._executors is not None
        for action in turn.actions:
            self._executors.perform(action)
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
        job = self._the_core.state.jobs[report.job_id]
        data = {"progress": report.progress, "message": report.message}
        return EventRow(0, now_us, PROGRESS, job.project, job.id, job.run_id, None, data)

    # -- what the core cannot know ------------------------------------------------------------------------

    async def _not_done_before(self, asks: list[Ask]) -> list[Ask]:
        """Answer the calls that were done before under the same deduplication id; the others go on."""
        remaining = []
        for ask in asks:
            try:
                repeated = await self.done_before(ask.once) if ask.once is not None else None
            except Conflict as conflict:
                ask.refuse(conflict)
                continue
            if repeated is None:
                remaining.append(ask)
            else:
                ask.reply(repeated)
        return remaining

    async def _final_statuses(self, asks: Iterable[Ask]) -> dict[int, Status]:
        """How jobs ended that a submission depends on and that are no longer live."""
        wanted = {
            dependency.job_id
            for ask in asks
            if isinstance(ask.work, Submit)
            for draft in ask.work.drafts
            for dependency in draft.depends_on
            if dependency.job_id not in self._the_core.state.jobs
        }
        if not wanted:
            return {}
        found = await self._store.final_statuses(sorted(wanted))
        return {job_id: Status(status) for job_id, status in found.items()}

    # -- when the store fails -----------------------------------------------------------------------------

    async def _fall_back(self, batch: list[Message], cause: str) -> None:
        """Nothing of this turn happened: say so, and go back to what the disk says."""
        if self._trouble is None:
            log.error("the store cannot be written", cause=cause)
            self._trouble = Trouble(cause, clock.now_us())
            self._probe_after(FIRST_PROBE_SECONDS)
        for message in batch:
            if isinstance(message, Ask):
                message.refuse(self._unavailable())
        await self._reload()
        for message in batch:
            if isinstance(message, Look):
                self._mailbox.put(message)

    async def _reload(self) -> None:
        try:
            core: Scheduler = await self._load()
        except StoreUnavailable as error:
            log.error("the store cannot be read", cause=str(error))
            self._is_stale = True
            return
        core.state.store_trouble = self._trouble
        self._core = core
        self._is_stale = False

    async def _try_again(self, batch: list[Message]) -> None:
        """Refuse what is asked; when its time has come, see whether the store can be used."""
        for message in batch:
            if isinstance(message, Ask):
                message.refuse(self._unavailable())
        if anyio.current_time() < self._probe_at:
            return
        if await self._store.probe():
            await self._recover()
        if self._trouble is not None:
            self._probe_after(min(self._probe_seconds * 2, LONGEST_PROBE_SECONDS))

    async def _recover(self) -> None:
        """It can be written: go on from what it says, once that can be read, too."""
        trouble, self._trouble = self._trouble, None
        await self._reload()
        if self._is_stale:
            self._trouble = trouble
            return
        log.info("the store can be written again")
        assert self._executors is not None
        self._executors.reconcile(self._the_core)
        self._broker.wake_all()

    def _probe_after(self, seconds: float) -> None:
        self._probe_seconds = seconds
        self._probe_at = anyio.current_time() + seconds

    def _unavailable(self) -> Unavailable:
        assert self._trouble is not None
        return Unavailable(
            f"The store cannot be written ({self._trouble.cause}). Nothing was changed; try again later.",
            cause=self._trouble.cause,
        )
