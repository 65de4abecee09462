"""The link to the keeper: one connection, kept up; lines out, messages in. It knows nothing of jobs.

When the connection breaks it says so, starts a keeper where that is its task, and connects again.
"""

import asyncio
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Protocol

import anyio
import msgspec
import structlog

from locksided.actors.keeper_process import KeeperNotStartedError, launch
from locksided.actors.keeper_words import check_hello, check_message
from locksided.settings import KeeperSettings
from locksided.sockets import connected

VERSION = 1
LINE_BYTES = 32 * 1024 * 1024
FIRST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 5.0

log = structlog.get_logger("keeper")
_DECODER: Final = msgspec.json.Decoder(dict[str, Any])


class Receiver(Protocol):
    """Who hears from the keeper. All calls come from the link's task; none may wait."""

    def keeper_up(self, hello: Mapping[str, Any]) -> None:
        """Connected: this is what the keeper has."""

    def keeper_down(self, cause: str) -> None:
        """The connection is gone, or none could be made."""

    def keeper_said(self, message: Mapping[str, Any]) -> None:
        """One message."""


class KeeperLink:
    """Keeps one connection to the keeper. What `send` cannot send is dropped: a new hello tells all."""

    def __init__(self, folder: Path, settings: KeeperSettings) -> None:
        self._settings = settings
        self._folder = folder
        self._socket = Path(settings.socket) if settings.socket else folder / f"{VERSION}.sock"
        self._writer: asyncio.StreamWriter | None = None
        self._encode = msgspec.json.Encoder().encode
        self.hello: Mapping[str, Any] = {}
        self.generation = 0

    @property
    def is_up(self) -> bool:
        """Whether there is a connection."""
        return self._writer is not None

    def send(self, message: Mapping[str, Any]) -> bool:
        """Send one message; False when there is no connection."""
        if self._writer is None or self._writer.is_closing():
            return False
        self._writer.write(self._encode(message) + b"\n")
        return True

    def reconnect(self) -> None:
        """End the connection, if there is one, so that a new hello tells what the keeper has."""
        if self._writer is not None:
            self._writer.close()

    async def run(self, receiver: Receiver) -> None:
        """Connect and listen, again and again, until cancelled."""
        pause_seconds = FIRST_PAUSE_SECONDS
        while True:
            try:
                reader, writer, hello = await self._connect()
            except (OSError, KeeperNotStartedError, ValueError, RecursionError) as error:
                log.warning("the keeper cannot be reached", cause=str(error))
                receiver.keeper_down(f"the keeper cannot be reached: {error}")
                await anyio.sleep(pause_seconds)  # it failed just now: each try waits longer
                pause_seconds = min(pause_seconds * 2, LONGEST_PAUSE_SECONDS)
                continue
            pause_seconds = FIRST_PAUSE_SECONDS
            self._writer, self.hello = writer, hello
            self.generation += 1
            log.info("connected to the keeper", pid=hello["pid"], runs=len(hello["runs"]))
            try:
                receiver.keeper_up(hello)
                await self._listen(reader, receiver)
            finally:
                self._writer = None
                writer.close()
            log.warning("the keeper's connection ended")
            receiver.keeper_down("the connection to the keeper ended")

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, Mapping[str, Any]]:
        try:
            opened = connected(self._socket)
        except (FileNotFoundError, ConnectionRefusedError):
            if self._settings.socket:
                raise
            await self._launch()
            opened = connected(self._socket)
        return await self._greet(opened)

    async def _launch(self) -> None:
        self._folder.mkdir(mode=0o700, exist_ok=True)
        log_file = self._folder / "log"
        pid = await launch(self._socket, log_file, self._settings.linger_seconds, self._settings.cgroups)
        log.info("started a keeper", pid=pid)

    async def _greet(
        self, opened: socket.socket
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, Mapping[str, Any]]:
        opened.setblocking(False)
        reader, writer = await asyncio.open_unix_connection(sock=opened, limit=LINE_BYTES)
        try:
            writer.write(self._encode({"op": "hello", "version": VERSION}) + b"\n")
            line = await reader.readline()
            if not line:
                raise ConnectionResetError("it closed the connection at once")
            hello = msgspec.json.decode(line, type=dict[str, Any])
            check_hello(hello)
        except BaseException:
            writer.close()
            raise
        return reader, writer, hello

    async def _listen(self, reader: asyncio.StreamReader, receiver: Receiver) -> None:
        try:
            while line := await reader.readline():
                message = _understood(line)
                if message is not None:
                    receiver.keeper_said(message)
        except (ConnectionError, ValueError) as error:
            log.error("the keeper's connection broke", cause=str(error))


def _understood(line: bytes) -> dict[str, Any] | None:
    """The message of a line; None, and logged, for what is none: one bad line takes no other with it."""
    try:
        message: dict[str, Any] = _DECODER.decode(line)
        check_message(message)
    except (ValueError, RecursionError) as error:
        log.error("the keeper said what cannot be understood", cause=str(error), line=line[:200])
        return None
    return message
