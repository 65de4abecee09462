"""The common part of the methods of schedules and of triggers."""

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar, Protocol, TypeVar

from lockside.kinds import Kind
from lockside.protocol.methods.job_makers import MakerAction, MakerList
from locksided.actors.messages import Repeated
from locksided.api.catalog import CatalogMethods
from locksided.api.deduplication import dedup_mark, nothing
from locksided.api.job_reads import marked
from locksided.api.paging import View
from locksided.api.rights import actor
from locksided.api.service import HandlerGroup, Service
from locksided.catalog.table import RECORDS
from locksided.core.errors import NotFound
from locksided.schedules.makers import Owned, StandOf, check_may_steer, listing
from locksided.server.access import Principal
from locksided.server.calls import Call
from locksided.store.catalog.keys import Key
from locksided.store.sql import Database
from locksided.store.time_rows import MakerName
from locksided.store.transaction import Transaction


class _Stored(Protocol):
    """A stored schedule or trigger; its row names the owner."""

    @property
    def row(self) -> Owned: ...


F = TypeVar("F", bound=_Stored)


class MakerMethods(HandlerGroup):
    """The methods of a kind that creates jobs."""

    kind: ClassVar[Kind]

    def __init__(self, service: Service) -> None:
        super().__init__(service)
        self._catalog = CatalogMethods(service)

    async def _put(self, call: Call, params: Any, owner: Principal) -> View:
        given = None if params.owner is None else actor(owner).as_data()
        return await self._catalog.put(RECORDS[self.kind.word], call, params, given)

    async def _listed(self, call: Call, params: MakerList, stand: StandOf) -> View:
        return await self._catalog.listed(
            RECORDS[self.kind.word], call, params, listing(self.kind, params, stand)
        )

    async def _changed(
        self, call: Call, params: MakerAction, change: Callable[[Transaction, MakerName], None]
    ) -> View:
        """Change the state of an object; returns its new view."""
        name = MakerName(params.project, params.id)

        def write(tx: Transaction) -> View:
            change(tx, name)
            return self._shown(tx.reading(), name)

        answer = await self._service.scheduler.ask(write, once=dedup_mark(call, params, nothing))
        if isinstance(answer, Repeated):
            return marked(await self._service.store.read(partial(self._shown, name=name)), answer)
        view: View = answer
        return view

    def _shown(self, connection: Database, name: MakerName) -> View:
        return RECORDS[self.kind.word].shown(connection, Key(name.project, self.kind, (name.id,)))

    def _require(self, found: F | None, name: MakerName) -> F:
        if found is None:
            word = self.kind.word
            text = f"There is no {word} {name.id}. `lockside {word} ls` lists those that exist."
            raise NotFound(text, path="$.id")
        return found

    def _steered(self, call: Call, found: F | None, name: MakerName) -> F:
        """Return an object that the caller may act on. Raises NotFound, Forbidden."""
        found = self._require(found, name)
        check_may_steer(self._service, found.row, call.principal)
        return found
