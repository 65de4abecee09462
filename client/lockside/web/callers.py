"""Connections to the daemon by their identity. Only the daemon decides about permissions."""

from collections import OrderedDict
from collections.abc import AsyncIterator
from hashlib import sha256
from typing import Any, Final

from lockside.errors import LocksideError, NotReachable
from lockside.session import Engine
from lockside.wire import AsyncLink

MOST_CALLERS: Final = 400
RECONNECT_SECONDS: Final = 2.0
AWAY_SECONDS: Final = 1.0
"""After this time without the daemon, and the last pause, pages are told that it is away."""

Json = dict[str, Any]


class Caller:
    """An identity: of a token, of another user, or of the user of this process."""

    def __init__(self, socket: str | None, act_as: Json | None, project: str) -> None:
        self._link = AsyncLink(socket, act_as)
        self._engine = Engine(self._link, project, RECONNECT_SECONDS)
        self._following = Engine(self._link, project, AWAY_SECONDS)

    @property
    def acting(self) -> Json:
        """The answer of `session.actAs`; empty before the first call."""
        return self._link.acting

    async def call(self, method: str, **params: Any) -> Any:
        """Call the daemon; parameters that are None are omitted. Raises LocksideError."""
        return await self._engine.call(method, params)

    async def call_once(self, method: str, **params: Any) -> Any:
        """Call the daemon; the call is not repeated after a lost connection."""
        return await self._engine.call(method, params, is_repeatable=False)

    def events(self, after: int | None, project: str | None) -> AsyncIterator[Json]:
        """Return a project's events as they happen. Raises NotReachable if the daemon stays away."""
        return self._following.events(after, {"project": project})

    async def last_event(self) -> int:
        """Return the `seq` of the newest event."""
        stream = await self._link.open()
        try:
            answer = await stream.call("event.subscribe", self._engine.given("event.subscribe", {}))
            return int(answer["cursor"])
        finally:
            await stream.close()

    async def close(self) -> None:
        """Close its connections."""
        await self._link.close()


class Callers:
    """The most recent callers; a token is remembered by its hash."""

    def __init__(self, socket: str | None, project: str) -> None:
        self._socket = socket
        self._project = project
        self._known: OrderedDict[str, Caller] = OrderedDict()

    async def own(self) -> Caller:
        """Return the caller for the user of this process."""
        return await self._caller("", None, self._project)

    async def with_token(self, token: str) -> Caller:
        """Return the caller with this token. Raises LocksideError if the daemon refuses it."""
        return await self._acting(sha256(token.encode()).hexdigest(), {"token": token}, "")

    async def as_user(self, user: str) -> Caller:
        """Return the caller for a user whom this process may act as. Raises LocksideError if refused."""
        return await self._acting(f"user {user}", {"user": user}, self._project)

    async def _acting(self, name: str, act_as: Json, project: str) -> Caller:
        caller = await self._caller(name, act_as, project)
        if not caller.acting:
            await self._greet(name, caller)
        return caller

    async def _greet(self, name: str, caller: Caller) -> None:
        """Connect, so that the daemon refuses the identity before any other call."""
        try:
            await caller.call("daemon.health")
        except NotReachable:
            raise
        except LocksideError:
            if not caller.acting:
                self._known.pop(name, None)
                await caller.close()
                raise

    async def _caller(self, name: str, act_as: Json | None, project: str) -> Caller:
        caller = self._known.get(name)
        if caller is None:
            caller = self._known[name] = Caller(self._socket, act_as, project)
        self._known.move_to_end(name)
        if len(self._known) > MOST_CALLERS:
            _, oldest = self._known.popitem(last=False)
            await oldest.close()
        return caller

    async def close(self) -> None:
        """Close all connections."""
        for caller in self._known.values():
            await caller.close()
