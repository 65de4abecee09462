"""Replaces the backend's sockets and connections: which message goes to which keeper, and which keepers live.

The real code decides which keeper takes new starts, which are let go and when to connect again.
"""

import asyncio
import json
from collections.abc import Callable, Container, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from locksided.backends.link import Link as RealLink
from locksided.backends.messages import Message, converted, read_message
from locksided.backends.process import KeeperNotStartedError
from locksided.keeper.messages import Hello, to_wire
from simulation.keeper import Wire

if TYPE_CHECKING:
    from simulation.daemon import Daemon

NOT_YET = "it does not start"
CONNECTION = "a connection to a keeper"


class Sockets:
    """One socket for each release, each with at most one live keeper."""

    def __init__(self, daemon: "Daemon") -> None:
        self._daemon = daemon
        self._keepers = daemon.world.keepers

    def live(self) -> list[Path]:
        return sorted(self._keepers)

    def is_alive(self, path: Path) -> bool:
        return path in self._keepers

    def free(self, taken: Container[Path]) -> Path | None:
        path = self._daemon.release.path
        return None if path in taken else path

    async def start_keeper(self, path: Path) -> None:
        if path in self._keepers:
            return
        world = self._daemon.world
        await self._daemon.hop("the start of a keeper")
        if world.has_faults and world.random.random() < 0.2:
            world.note("   a keeper cannot be started")
            raise KeeperNotStartedError(NOT_YET)
        world.keeper_starts(path, self._daemon.release)

    def clear(self, path: Path) -> None:
        """There is no socket to remove."""


class Link(RealLink):
    """The real link without its streams: it reads when the world delivers a line."""

    def __init__(self, daemon: "Daemon", path: Path) -> None:
        super().__init__(path)
        self._daemon = daemon
        self.wire: Wire | None = None
        self.reading: asyncio.Future[Mapping[str, Any] | None] | None = None
        daemon.links.append(self)

    async def connect(self) -> Hello:
        await self._daemon.hop(CONNECTION)
        keeper = self._daemon.world.keepers.get(self.path)
        if keeper is None:
            raise ConnectionRefusedError(111, "nobody listens")
        wire = self.wire = Wire()
        keeper.accept(wire)
        wire.to_keeper.append({"op": "hello"})
        said = await self._line()
        if said is None:
            wire.ended = True
            raise ConnectionResetError("it closed the connection at once")
        self.hello = converted(Hello, said)
        self._kept = {run.token for run in self.hello.runs}
        self._is_leaving = self._is_let_go = False
        self.generation += 1
        return self.hello

    async def _line(self) -> Mapping[str, Any] | None:
        self.reading = asyncio.get_running_loop().create_future()
        try:
            return await self.reading
        finally:
            self.reading = None

    async def listen(self, said: Callable[[Message], None]) -> None:
        while (message := await self._line()) is not None:
            said(read_message(json.dumps(dict(message)).encode()))

    def hang_up(self) -> None:
        """Sent messages that were not read may still be read or may be lost."""
        if self.wire is not None and not self.wire.ended:
            self.wire.ended = True
            for _ in range(self._daemon.world.random.randrange(len(self.wire.to_daemon) + 1)):
                self.wire.to_daemon.pop()

    def forget(self) -> None:
        if not self._daemon.is_dead:
            self.hang_up()
        self.wire = self.hello = None
        self.is_up = False

    def send(self, message: Any) -> bool:
        if self.wire is None or self.hello is None or self._daemon.is_dead or self.wire.ended:
            return False
        message = to_wire(message)
        self._daemon.sending(message)
        self._daemon.effect()
        self.wire.to_keeper.append(message)
        self._daemon.effect()
        return True
