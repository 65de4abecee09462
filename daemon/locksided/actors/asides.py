"""Asides: programs that the daemon runs for itself, outside of jobs, pools and locks.

An aside is stored before anything starts: its purpose, and a reference that the purpose interprets. Its
limits, log and outcome outlive the daemon. The outcome is delivered to the purpose once, in the transaction
that deletes the aside; only after that the keeper forgets it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from secrets import token_hex
from typing import Any

import structlog
from anyio.abc import TaskGroup

from locksided import clock, threads
from locksided.actors.messages import Write
from locksided.actors.scheduler import SchedulerActor
from locksided.actors.starts import InFlight, Start, Starts
from locksided.backends.base import Backend
from locksided.core.errors import Unavailable
from locksided.core.inputs import Input
from locksided.core.scheduler import Scheduler
from locksided.keeper.messages import Outcome, ReapOrder, Refusal, StartOrder, User
from locksided.paths import StateDir
from locksided.runs import data_folder
from locksided.runs.folder import RunFolder
from locksided.store import asides as rows
from locksided.store.rows import AsideRow
from locksided.store.store import Store
from locksided.store.transaction import Transaction

log = structlog.get_logger("asides")

WAITED_FOR = ""
"""The purpose of asides whose caller waits for the outcome: without the caller they are stopped."""

GRACE_SECONDS = 10.0


@dataclass(slots=True)
class Aside:
    """One program. `user` owns its folder; None is the daemon's own account."""

    token: str
    purpose: str
    reference: Mapping[str, Any]
    folder: RunFolder
    user: User | None = None
    waiter: "asyncio.Future[Outcome] | None" = field(default=None, compare=False)


Deliver = Callable[[Aside, Outcome], Awaitable[Write | Input]]
"""How a purpose handles an outcome: it may read the aside's folder, and returns what to save, or an input for
the core.

It may be called again after a crash: a write is saved once, an input may reach the core once more.
"""


class Asides(Starts):
    """The asides in progress. `purposes` maps a purpose to the receiver of its outcomes.

    `umask`, in octal digits, applies to programs whose order has none.
    """

    def __init__(
        self,
        backend: Backend,
        scheduler: SchedulerActor,
        store: Store,
        state_dir: StateDir,
        tasks: TaskGroup,
        purposes: Mapping[str, Deliver],
        umask: str = "",
    ) -> None:
        super().__init__(backend, scheduler, tasks)
        self._store = store
        self._state_dir = state_dir
        self._purposes = purposes
        self._umask = int(umask, 8) if umask else None
        self._asides: dict[str, Aside] = {}

    async def load(self) -> None:
        """Load the asides of an earlier daemon; remove the folders of those that were delivered."""
        for row in await self._store.asides():
            user = None if row.account is None else User(*row.account)
            self._asides[row.token] = Aside(
                row.token, row.purpose, row.reference, self.folder(row.token), user
            )
        await threads.run_sync(self._remove_others, frozenset(self._asides))

    def _remove_others(self, kept: frozenset[str]) -> None:
        with suppress(FileNotFoundError):
            for path in self._state_dir.asides.iterdir():
                if path.name not in kept:
                    folder = RunFolder(str(path))
                    data_folder.remove_folder(folder, data_folder.owner_of(folder))

    def folder(self, token: str) -> RunFolder:
        """Return the folder of an aside."""
        return RunFolder(str(self._state_dir.asides / token))

    def in_flight(self) -> Sequence[InFlight]:
        """Return all asides; those that nothing waits for any more are to be stopped."""
        return [InFlight(0, aside.token, self._is_unwanted(aside)) for aside in self._asides.values()]

    def _is_unwanted(self, aside: Aside) -> bool:
        return aside.waiter is None and aside.purpose not in self._purposes

    def references(self, purpose: str) -> list[Mapping[str, Any]]:
        """Return the references of the asides started for a purpose."""
        return [aside.reference for aside in self._asides.values() if aside.purpose == purpose]

    # -- requests -----------------------------------------------------------------------------------------

    @staticmethod
    def new_token() -> str:
        """Return a token that was never used."""
        return f"aside-{token_hex(8)}"

    async def begin(
        self, purpose: str, reference: Mapping[str, Any], order: StartOrder, also: Write | None = None
    ) -> None:
        """Run a program whose outcome is delivered to the purpose, even if the daemon dies meanwhile.

        `also` is saved with it. Raises Unavailable if it can be neither saved nor started now; nothing was
        started in that case.
        """
        aside = Aside(order.token, purpose, reference, self.folder(order.token), order.user)
        await self._begin(aside, order, also)

    async def run(self, order: StartOrder) -> Outcome:
        """Run a program and return its outcome. Cancelling stops it. Raises Unavailable like `begin`."""
        waiter: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        aside = Aside(order.token, WAITED_FOR, {}, self.folder(order.token), order.user, waiter)
        try:
            await self._begin(aside, order)
            return await waiter
        except asyncio.CancelledError:
            aside.waiter = None
            self._backend.stop(aside.token)
            raise

    async def _begin(self, aside: Aside, order: StartOrder, also: Write | None = None) -> None:
        if not self._backend.is_up:
            raise Unavailable("The keeper does not answer: nothing can be run now. Try again later.")
        assert order.folder == self.reap_order(order.token).folder, "it is found there after a restart"
        account = None if aside.user is None else list(aside.user)
        row = AsideRow(aside.token, aside.purpose, dict(aside.reference), account, clock.now_us())
        self._asides[aside.token] = aside
        start = self.starts[aside.token] = Start(0, aside.token)
        try:
            await self._scheduler.ask(partial(_record, row=row, also=also))
        except BaseException:
            self.forget(start)
            del self._asides[aside.token]  # if it is saved nevertheless, the next daemon deletes it
            raise
        if not self.send(start, order if order.umask is not None else order._replace(umask=self._umask)):
            self.never_started(start)

    # -- outcomes -----------------------------------------------------------------------------------------

    def reap_order(self, token: str) -> ReapOrder:
        return ReapOrder(token, self.folder(token).control(1, 0), GRACE_SECONDS)

    def never_started(self, start: Start) -> None:
        refusal = Refusal("burnt", "It was never started.")
        self.conclude_soon(start, Outcome(start.token, refused=refusal))

    async def conclude(self, start: Start, outcome: Outcome) -> None:
        aside = self._asides.get(start.token)
        if aside is None:
            return
        deliver = self._purposes.get(aside.purpose)
        await self._delivered(aside, outcome, None if deliver is None else await deliver(aside, outcome))

    async def give_up(self, start: Start, outcome: Outcome, fault: Exception) -> None:
        await self._delivered(self._asides[start.token], outcome, None)

    async def _delivered(self, aside: Aside, outcome: Outcome, result: Write | Input | None) -> None:
        if result is None or callable(result):
            await self._scheduler.ask(partial(_deliver, token=aside.token, write=result))
        else:
            await self._tell_core(aside, result)
        self._asides.pop(aside.token, None)
        if aside.waiter is not None:
            if not aside.waiter.done():
                aside.waiter.set_result(outcome)
        else:
            await threads.run_sync(data_folder.remove_folder, aside.folder, aside.user)

    async def _tell_core(self, aside: Aside, result: Input) -> None:
        """Send the input to the core. The aside is removed before the core decides on anything else."""
        forget = partial(_deliver, token=aside.token, write=None)

        def done(_core: Scheduler, _answer: Any) -> None:
            self._asides.pop(aside.token, None)

        await self._scheduler.ask(result, also=lambda _: forget, done=done)


def _record(tx: Transaction, row: AsideRow, also: Write | None) -> None:
    rows.record(tx, row)
    if also is not None:
        also(tx)


def _deliver(tx: Transaction, token: str, write: Write | None) -> None:
    """Delete an aside and save the result of its outcome, in one transaction and only once."""
    if rows.forget(tx, token) and write is not None:
        write(tx)
