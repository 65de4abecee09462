"""`secret.*`: encrypts values for those who will store them, and creates, lists and removes keys."""

from collections.abc import Awaitable, Callable, Mapping

import msgspec

from lockside.documents.secrets import is_cipher
from lockside.protocol.declaration import Mutation
from lockside.protocol.methods import secrets as p
from locksided import clock
from locksided.api.deduplication import dedup_mark
from locksided.api.paging import View
from locksided.api.rights import actor
from locksided.api.service import HandlerGroup
from locksided.core.errors import Conflict
from locksided.secrets.places import Place, Scope
from locksided.server.calls import Call
from locksided.server.handlers import handler
from locksided.store import ciphers
from locksided.store.transaction import Transaction


class SecretMethods(HandlerGroup):
    """`secret.encrypt`, `secret.keys`, `secret.rotate`, `secret.reencrypt`, `secret.dropKey`."""

    @handler
    async def encrypt(self, _call: Call, params: p.SecretEncrypt) -> View:
        vault, place = self._service.store.vault, _place(params)
        if params.data is not msgspec.UNSET:
            return {"data": vault.seal(params.data, place, path="$.data")}
        if not is_cipher(params.value):
            return {"value": vault.encrypt(params.value, place)}
        vault.check(params.value, place, "$.value")
        return {"value": params.value}

    @handler
    async def keys(self, _call: Call, _params: p.SecretKeys) -> View:
        counts = await self._counts()
        keys = self._service.store.vault.keys
        known = {key.id: keys.file.source.value for key in keys.all}
        sources = {**known, **{name: "missing" for name in sorted(counts) if name not in known}}
        return {
            "keys": [
                {"id": name, "source": source, "values": counts.get(name, 0)}
                for name, source in sources.items()
            ]
        }

    async def _counts(self) -> Mapping[str, int]:
        return await self._service.store.read_patiently(ciphers.counts)

    @handler
    async def rotate(self, call: Call, params: p.SecretRotate) -> View:
        async def work() -> View:
            key, values = await self._service.reencryption.rotate()
            return {"id": key.id, "values": values}

        return await self._done(call, params, "secret.rotated", work)

    @handler
    async def reencrypt(self, call: Call, params: p.SecretReencrypt) -> View:
        async def work() -> View:
            return {"values": await self._service.reencryption.reencrypt()}

        return await self._done(call, params, "secret.reencrypted", work)

    @handler
    async def drop_key(self, call: Call, params: p.SecretDropKey) -> View:
        async def work() -> View:
            await self._service.scheduler.ask(drop)
            return {"id": params.id}

        def drop(tx: Transaction) -> None:
            """Drop the key while nothing else is written."""
            tx.vault.keys.check_can_go(params.id)
            values = ciphers.counts(tx.reading()).get(params.id, 0)
            if values:
                text = f"{values} stored values are under key {params.id}: call secret.reencrypt first."
                raise Conflict(text, path="$.id", values=values)
            tx.vault.keys.drop(params.id)

        return await self._done(call, params, "secret.keyDropped", work)

    async def _done(
        self, call: Call, params: Mutation, event: str, work: Callable[[], Awaitable[View]]
    ) -> View:
        """Do it and add an event; a repeat gets the first answer."""
        mark = dedup_mark(call, params, dict)
        repeated = await self._service.scheduler.done_before(mark)
        if repeated is not None:
            return repeated.reference
        answer = await work()
        who = actor(call.principal).as_data()

        def tell(tx: Transaction) -> View:
            tx.event(clock.now_us(), event, params.project, principal=who, data=answer)
            return answer

        await self._service.scheduler.ask(tell, once=mark)
        return answer


def _place(params: p.SecretEncrypt) -> Place:
    scope = Scope(params.scope or params.possible_scopes[0])
    component = params.component or ""
    match scope:
        case Scope.CONFIG:
            return Place.of_config(params.project, component, params.config or "")
        case Scope.PROJECT:
            return Place.of_jobs(params.project, component)
        case Scope.COMPONENT:
            return Place.of_component(component)
        case _:
            return Place(scope, (params.project, params.variables or ""))
