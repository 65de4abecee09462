"""A server on a real Unix socket with a few handlers for tests, and a minimal client for it."""

import asyncio
import json
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import structlog
from structlog.testing import LogCapture

from lockside.protocol.declaration import Method, Mutation, Params, method
from lockside.protocol.words import Role
from locksided.core.errors import Conflict
from locksided.server import Access, AtOnce, Call, ClientLimits, Server, listen

PATIENCE_SECONDS = 20
OWN_ACCESS = Access(own_uid=os.getuid())


TABLE: dict[str, Method] = {}


def served(name: str, role: Role = Role.VIEWER) -> Callable[[type[Params]], type[Params]]:
    return method(name, role, answers=Any, table=TABLE)


@served("echo")
class Echo(Params, frozen=True, kw_only=True):
    """Answer the value."""

    value: Any = None


served("echo.atOnce")(Echo)


@served("subtract")
class Subtract(Params, frozen=True, kw_only=True):
    """Answer the difference."""

    minuend: int
    subtrahend: int


@served("big")
class Big(Params, frozen=True, kw_only=True):
    """Answer a text of a size."""

    size: int


@served("change")
class Change(Mutation, frozen=True, kw_only=True):
    """Note a change."""

    name: str = "a change"


for plain in ("wait", "crash", "unsayable", "refuse", "who", "subscribe", "later"):
    served(plain)(Params)
served("rule", Role.ADMIN)(Params)


class Handlers:
    """The handlers of the methods; `gate` lets waits and changes continue."""

    def __init__(self) -> None:
        self.gate = anyio.Event()
        self.begun: list[str] = []
        self.changed: list[str] = []
        self.calls: list[Call] = []
        self.something_began = anyio.Event()

    def table(self) -> dict[str, Any]:
        return {
            "echo": self.echo,
            "echo.atOnce": AtOnce(self.echo_at_once),
            "subtract": self.subtract,
            "big": self.big,
            "wait": self.wait,
            "change": self.change,
            "crash": self.crash,
            "unsayable": self.unsayable,
            "refuse": self.refuse,
            "who": self.who,
            "subscribe": self.subscribe,
            "rule": self.who,
        }

    async def until_begun(self, count: int) -> None:
        while len(self.begun) < count:
            await self.something_began.wait()

    def note(self, name: str) -> None:
        self.begun.append(name)
        self.something_began.set()
        self.something_began = anyio.Event()

    async def echo(self, _call: Call, params: Echo) -> object:
        self.note("echo")
        return params.value

    def echo_at_once(self, _call: Call, params: Echo) -> object:
        return params.value

    async def subtract(self, _call: Call, params: Subtract) -> object:
        return params.minuend - params.subtrahend

    async def big(self, _call: Call, params: Big) -> object:
        self.note("big")
        return "x" * params.size

    async def wait(self, _call: Call, _params: Params) -> object:
        self.note("wait")
        await self.gate.wait()
        return "waited"

    async def change(self, _call: Call, params: Change) -> object:
        self.note("change")
        await self.gate.wait()
        self.changed.append(params.name)
        return params.name

    async def crash(self, _call: Call, _params: Params) -> object:
        raise RuntimeError("the secret inner life of the daemon")

    async def unsayable(self, _call: Call, _params: Params) -> object:
        return "a lone surrogate: \ud800"

    async def refuse(self, _call: Call, _params: Params) -> object:
        raise Conflict("job 17 holds it: wait for it", path="$.id", holder="17")

    async def who(self, call: Call, _params: Params) -> object:
        return {
            "uid": call.principal.uid,
            "groups": list(call.principal.groups),
            "role": call.principal.role.word,
        }

    async def subscribe(self, call: Call, _params: Params) -> object:
        self.calls.append(call)
        call.connection.subscriptions["1"] = self
        return "subscribed"


class Client:
    """A connection that sends what it is given and reads one line at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, *messages: Any) -> None:
        await self.send_raw(b"".join(json.dumps(message).encode() + b"\n" for message in messages))

    async def send_raw(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self) -> Any:
        line = await self.reader.readline()
        assert line.endswith(b"\n"), f"the connection ended: {line!r}"
        return json.loads(line, parse_constant=_refuse_constant)

    async def call(self, name: str, request_id: Any = 1, /, **params: Any) -> Any:
        await self.send(request(name, request_id, **params))
        return await self.answer()

    async def is_at_end(self) -> bool:
        return await self.reader.read(1) == b""

    def shut_down_sending(self) -> None:
        self.writer.write_eof()

    def vanish(self) -> None:
        self.writer.transport.abort()


def _refuse_constant(name: str) -> None:
    raise AssertionError(f"{name} is not JSON")


def request(name: str, request_id: Any = 1, /, **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": request_id, "method": name, "params": params}


def notification(name: str, /, **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "method": name, "params": params}


class Running:
    """A running server, its handlers and its log."""

    def __init__(self, server: Server, path: Path, handlers: Handlers, log: LogCapture) -> None:
        self.server = server
        self.path = path
        self.handlers = handlers
        self.log = log

    @asynccontextmanager
    async def client(self, receive_bytes: int | None = None) -> AsyncIterator[Client]:
        connected = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        if receive_bytes is not None:
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        connected.connect(str(self.path))
        reader, writer = await asyncio.open_unix_connection(sock=connected, limit=2**25)
        try:
            yield Client(reader, writer)
        finally:
            writer.close()


@asynccontextmanager
async def running(
    folder: Path, limits: ClientLimits | None = None, access: Access = OWN_ACCESS
) -> AsyncIterator[Running]:
    """Run a server in the loop of the test until the block ends; the whole has a time limit."""
    capture = LogCapture()
    log = structlog.wrap_logger(None, processors=[capture])
    handlers = Handlers()
    server = Server(handlers.table(), access, limits or ClientLimits(), log, methods=TABLE)
    path = folder / "s"
    with anyio.fail_after(PATIENCE_SECONDS):
        async with anyio.create_task_group() as tasks:
            await tasks.start(server.serve, [listen(path)])
            try:
                yield Running(server, path, handlers, capture)
            finally:
                server.stop()
