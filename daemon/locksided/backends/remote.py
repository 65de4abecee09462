"""Backends whose runs are on other machines: each is connected to an executor of its kind."""

from collections.abc import Sequence
from typing import Any

import anyio

from locksided import clock
from locksided.backends.base import Place, RequiredPrograms
from locksided.backends.claims import ControlFolders
from locksided.backends.keepers import Keepers
from locksided.backends.link import Link
from locksided.backends.local import LocalBackend
from locksided.backends.messages import Message, Other
from locksided.keeper.messages import Down, Listed, ListedRun, ReapOrder, StartOrder, to_wire

LISTED_WITHIN_SECONDS = 30.0


class RemoteBackend(LocalBackend):
    """Knows the executor of one kind, and its runs."""

    ends_with_boot = False

    def __init__(self, kind: str, keepers: Keepers, folders: ControlFolders) -> None:
        super().__init__(keepers, folders)
        self.kind = kind
        self._listed: tuple[ListedRun, ...] = ()
        self._was_listed = anyio.Event()

    @property
    def capabilities(self) -> frozenset[str] | None:
        """The capabilities reported by the current executor; None while there is none."""
        current = self.keepers.current
        return None if current is None or current.hello is None else frozenset(current.hello.capabilities)

    @property
    def engine(self) -> str | None:
        """The engine of the executor, in its own words."""
        current = self.keepers.current
        return None if current is None or current.hello is None else current.hello.engine

    async def listed(self, prefix: str) -> Sequence[ListedRun]:
        """Return the engine's runs with that prefix that its executor does not know, if it can list them."""
        current = self.keepers.current
        if current is None or not current.send({"op": "list", "prefix": prefix}):
            return ()
        self._listed, self._was_listed = (), anyio.Event()
        with clock.real_move_on_after(LISTED_WITHIN_SECONDS):
            await self._was_listed.wait()
        return self._listed

    def on_wire(self, order: StartOrder | ReapOrder, place: Place | None) -> Any:
        if place is None:
            return order
        known = to_wire(place)
        return {**known, **to_wire(order)}

    def keeper_said(self, link: Link, message: Message) -> None:
        match message:
            case Down():
                self._reports.down(message.cause, message.pools)
            case Listed():
                self._listed = message.runs
                self._was_listed.set()
            case Other(op="up"):
                self._reports.up()
            case _:
                super().keeper_said(link, message)

    async def check_program(self, required: Sequence[RequiredPrograms]) -> str | None:
        """Return None: remote programs cannot be checked here, the start checks them."""
        return None
