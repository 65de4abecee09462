"""The connection to one keeper, and the keeper's description of itself. Independent of jobs."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import structlog

from locksided.backends.lines import Lines
from locksided.backends.messages import VERSION, Message, read_hello, read_message
from locksided.backends.sockets import connected
from locksided.keeper.messages import Hello, to_wire

log = structlog.get_logger("keeper")


class Link:
    """One connection at a time to the keeper behind a socket. Messages that cannot be sent are dropped: the
    next hello lists everything.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.hello: Hello | None = None
        """The keeper's hello; None while there is no connection."""
        self.is_up = False
        """Whether there is a connection, and the runs of the keeper's hello have been taken over."""
        self.generation = 0
        """The number of the connection."""
        self._lines: Lines | None = None
        self._kept: set[str] = set()
        self._is_leaving = False
        self._is_let_go = False
        self._unsent: list[bytes] = []
        self._encode = msgspec.json.Encoder().encode

    @property
    def kept(self) -> int:
        """How many runs in the keeper's hello are not acknowledged yet."""
        return len(self._kept)

    @property
    def is_let_go(self) -> bool:
        """Whether the keeper was told to leave, and has no reason to stay."""
        return self._is_let_go

    async def connect(self) -> Hello:
        """Connect and exchange hellos. Raises OSError, or ValueError for an invalid hello."""
        opened = connected(self.path)
        opened.setblocking(False)
        transport, lines = await asyncio.get_running_loop().create_unix_connection(Lines, sock=opened)
        try:
            transport.write(self._encode({"op": "hello", "version": VERSION}) + b"\n")
            line = await lines.first()
            if not line:
                raise ConnectionResetError("it closed the connection at once")
            hello = read_hello(line)
        except BaseException:
            transport.close()
            raise
        self._lines, self.hello = lines, hello
        self._kept = {run.token for run in hello.runs}
        self._is_leaving = self._is_let_go = False
        self.generation += 1
        return hello

    async def listen(self, said: Callable[[Message], None]) -> None:
        """Pass on every message until the connection ends."""
        if self._lines is None:
            return

        def take(line: bytes) -> None:
            message = _understood(line)
            if message is not None:
                said(message)

        try:
            await self._lines.hand_on(take)
        except (ConnectionError, ValueError) as error:
            log.error("the keeper's connection broke", cause=str(error))

    def hang_up(self) -> None:
        """End the connection, if there is one; a new hello lists the keeper's runs."""
        if self._lines is not None and not self._lines.transport.is_closing():
            self.flush()  # earlier messages must still be sent
            self._lines.transport.close()

    def forget(self) -> None:
        """Reset the state after the connection has ended."""
        self.hang_up()
        self._lines = self.hello = None
        self.is_up = False

    def send(self, message: Any) -> bool:
        """Send one message of `keeper.messages`, or an object; False if there is no connection."""
        if self._lines is None or self._lines.transport.is_closing():
            return False
        if not self._unsent:
            asyncio.get_running_loop().call_soon(self.flush)
        self._unsent.append(self._encode(to_wire(message)))
        return True

    def flush(self) -> None:
        """Write all messages at once; otherwise that happens at the end of the loop's turn."""
        unsent, self._unsent = self._unsent, []
        if unsent and self._lines is not None:
            self._lines.transport.write(b"\n".join((*unsent, b"")))

    def acknowledge(self, token: str) -> None:
        """Acknowledge an outcome that is on disk. A keeper told to leave ends after the last one."""
        if not self.send({"op": "ack", "token": token}):
            return  # its next hello repeats it
        self._kept.discard(token)
        if self._is_leaving:
            self.let_go()

    def let_go(self) -> None:
        """Have the keeper leave once it has no runs; it got no start order since its hello."""
        self._is_leaving = True
        if not self._kept and not self._is_let_go:
            self._is_let_go = self.send({"op": "shutdown"})


def _understood(line: bytes) -> Message | None:
    """Return the message on a line; None, logged, if it is invalid: other lines are not affected."""
    try:
        return read_message(line)
    except ValueError as error:
        log.error("the keeper said what cannot be understood", cause=str(error), line=line[:200])
        return None
