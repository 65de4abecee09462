"""The backend `local`: which keeper of this machine has which run. The connections are in `keepers`."""

import asyncio
from collections.abc import Sequence
from typing import Any

import structlog

from locksided import threads
from locksided.backends.base import Evidence, Fate, Place, Reports, RequiredPrograms
from locksided.backends.claims import Claim, ControlFolders
from locksided.backends.keepers import Keepers
from locksided.backends.link import Link
from locksided.backends.messages import Message, Other, read_outcome
from locksided.backends.program_lookup import ProgramLookup
from locksided.keeper.messages import Ended, KeptRun, LogGrown, ReapOrder, Refused, StartOrder

log = structlog.get_logger("executors")


class LocalBackend:
    """Knows which keeper has which run."""

    kind = "local"
    ends_with_boot = True

    _reports: Reports

    def __init__(self, keepers: Keepers, folders: ControlFolders) -> None:
        self.keepers = keepers
        self._folders = folders
        self._owners: dict[str, tuple[Link, int]] = {}
        """The keeper and the number of the connection on which it had the run, by token."""
        self._dismissed: set[str] = set()
        self._log_waits: dict[str, set[asyncio.Event]] = {}
        self._told_up: tuple[Link, int] | None = None
        self._programs = ProgramLookup()

    async def run(self, reports: Reports) -> None:
        """Attend to all keepers until cancelled."""
        self._reports = reports
        await self.keepers.run(self)

    @property
    def is_up(self) -> bool:
        return self.keepers.current is not None

    async def until_up(self) -> None:
        await self.keepers.until_current()

    @property
    def are_all_heard(self) -> bool:
        return self.keepers.are_all_heard

    def runs_of(self, link: Link | None) -> int:
        """Return how many runs a keeper has."""
        return sum(owner is link for owner, _ in self._owners.values())

    # -- requests -----------------------------------------------------------------------------------------

    def start(self, order: StartOrder, place: Place | None = None) -> bool:
        current = self.keepers.current
        if current is None or not current.send(self.on_wire(order, place)):
            return False
        self._owners[order.token] = (current, current.generation)
        return True

    def on_wire(self, order: StartOrder | ReapOrder, _place: Place | None) -> Any:
        """Return an order in the form in which it is sent."""
        return order

    def flush(self) -> None:
        self.keepers.flush()

    def stop(self, token: str) -> None:
        self._ask("stop", token)

    def pause(self, token: str) -> None:
        self._ask("pause", token)

    def resume(self, token: str) -> None:
        self._ask("resume", token)

    def _ask(self, operation: str, token: str) -> None:
        """Send a request to the run's keeper; to all keepers while it is unknown."""
        message = {"op": operation, "token": token}
        owner = self._owners.get(token)
        if owner is not None:
            owner[0].send(message)
        else:
            self.keepers.send_to_all(message)

    def acknowledge(self, token: str) -> None:
        owner = self._owners.pop(token, None)
        if owner is not None:
            owner[0].acknowledge(token)

    def dismiss(self, run: KeptRun) -> None:
        log.info("a run is no longer wanted", token=run.token, state=run.state)
        if run.state == "ended":
            self.acknowledge(run.token)
        else:
            self._dismissed.add(run.token)
            self.stop(run.token)

    def reap(self, order: ReapOrder, place: Place | None = None) -> None:
        self.keepers.send(self.on_wire(order, place))

    def reconnect(self) -> None:
        self.keepers.reconnect()

    def reconnect_soon(self) -> None:
        self.keepers.reconnect_soon()

    # -- the fate of a start ------------------------------------------------------------------------------

    def is_attended(self, token: str) -> bool:
        link, connection = self._owners.get(token, (None, 0))
        return link is not None and link.is_up and link.generation == connection

    def adopt(self, token: str) -> None:
        current = self.keepers.current
        if current is not None:
            self._owners[token] = (current, current.generation)

    async def evidence(self, token: str, control: str) -> Evidence:
        record = await threads.run_sync(self._folders.recorded, control)
        outcome = None if record is None else read_outcome(record)
        if outcome is not None:
            return Evidence(Fate.ENDED, outcome)
        claim = await threads.run_sync(self._folders.burn, control)
        if claim is Claim.BURNT:
            return Evidence(Fate.NEVER_STARTED)
        return Evidence(Fate.ORPHANED, is_of_keeper=claim is Claim.STARTED)

    # -- programs and logs --------------------------------------------------------------------------------

    async def check_program(self, required: Sequence[RequiredPrograms]) -> str | None:
        current = self.keepers.current
        if current is None or current.hello is None:
            return None
        return await self._programs.missing(required, f"/proc/{current.hello.pid}/root")

    async def log_grown(self, token: str, seq: int) -> None:
        waiting = asyncio.Event()
        self._log_waits.setdefault(token, set()).add(waiting)
        self._watch(token, seq)
        try:
            await waiting.wait()
        finally:
            self._log_waits.get(token, set()).discard(waiting)

    def _watch(self, token: str, seq: int) -> None:
        """Ask the run's keeper. It is unknown while not all have reported; a hello wakes the waiters."""
        message = {"op": "watch", "token": token, "seq": seq}
        owner = self._owners.get(token)
        if owner is not None:
            owner[0].send(message)
        elif self.keepers.are_all_heard:
            self.keepers.send(message)

    def _wake(self, token: str) -> None:
        for waiting in self._log_waits.pop(token, ()):
            waiting.set()

    # -- messages of the keepers --------------------------------------------------------------------------

    async def keeper_up(self, link: Link) -> None:
        """A keeper has connected."""
        assert link.hello is not None
        for token in list(self._log_waits):
            self._wake(token)  # waiters look again, and ask this keeper
        runs = [run for run in link.hello.runs if not self.is_attended(run.token)]
        self._owners = {token: owner for token, owner in self._owners.items() if owner[0] is not link}
        self._owners |= {run.token: (link, link.generation) for run in runs}
        await self._reports.adopt(runs)

    def keeper_said(self, link: Link, message: Message) -> None:
        """Handle one message of a keeper."""
        match message:
            case Other():
                log.debug("the keeper says", op=message.op, token=message.token)
            case LogGrown():
                self._wake(message.token)
            case Ended() | Refused():
                self._wake(message.token)
                self._ended(link, message)
            case _:
                self._reports.heard(message)

    def _ended(self, link: Link, message: Ended | Refused) -> None:
        """Pass on an end. Its sender gets the acknowledgement, whichever keeper had the run before."""
        self._owners[message.token] = (link, link.generation)
        if message.token in self._dismissed:
            self._dismissed.discard(message.token)
            self.acknowledge(message.token)
        else:
            self._reports.heard(message)

    async def keepers_changed(self) -> None:
        """There is a current keeper, and a keeper came or went."""
        current = self.keepers.current
        if current is None:
            return
        is_settled = await self._reports.settle(is_complete=self.keepers.are_all_heard)
        connection = (current, current.generation)
        if is_settled and self.keepers.current is current and self._told_up != connection:
            self._told_up = connection
            self._reports.up()

    def keeper_down(self, cause: str) -> None:
        """There is no current keeper."""
        self._told_up = None
        self._reports.down(cause)
