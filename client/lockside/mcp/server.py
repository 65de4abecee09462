"""Speaks the Model Context Protocol: JSON-RPC 2.0, one message per line, on standard input and output. Calls
run concurrently, so a wait does not delay other calls. The tools are in other modules.
"""

import asyncio
import json
import sys
import threading
from collections.abc import Mapping
from typing import Any, Final

import msgspec

import lockside.mcp.acting
import lockside.mcp.reading  # noqa: F401 - imported for their declarations
from lockside import __version__
from lockside.documents.reading import convert, fault_of
from lockside.documents.sentences import ended
from lockside.errors import InvalidParams, LocksideError
from lockside.mcp.desk import Desk
from lockside.mcp.tool import TOOLS, Json, Tool, data_of

PROTOCOL: Final = "2025-06-18"
LAST_SECONDS: Final = 2.0
_PARSE_ERROR, _INVALID_REQUEST, _UNKNOWN_METHOD, _INVALID_PARAMS = -32700, -32600, -32601, -32602


class Server:
    """One agent's connection."""

    def __init__(self, desk: Desk, *, read_only: bool) -> None:
        self._desk = desk
        self._tools = {name: one for name, one in TOOLS.items() if not (read_only and one.acts)}
        self._running: dict[Any, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Answer until the input ends; then running calls have `LAST_SECONDS` to finish."""
        incoming: asyncio.Queue[bytes] = asyncio.Queue()
        loop = asyncio.get_running_loop()

        def read() -> None:
            while line := sys.stdin.buffer.readline():
                loop.call_soon_threadsafe(incoming.put_nowait, line)
            loop.call_soon_threadsafe(incoming.put_nowait, b"")

        threading.Thread(target=read, daemon=True).start()  # it may block forever and is never joined
        while line := await incoming.get():
            if line.strip():
                self._take(line)
        if self._running:
            await asyncio.wait(self._running.values(), timeout=LAST_SECONDS)

    def _take(self, line: bytes) -> None:
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            _send(_failed(None, _PARSE_ERROR, "It is not JSON."))
            return
        if not isinstance(message, dict) or not isinstance(message.get("method", ""), str):
            _send(_failed(None, _INVALID_REQUEST, "It is not a request."))
        elif "method" not in message:
            return  # an unexpected answer: the server sends no requests
        elif "id" not in message:
            self._note(message["method"], message.get("params"))
        else:
            self._answer(message["id"], message["method"], message.get("params"))

    def _note(self, method: str, params: Any) -> None:
        if method == "notifications/cancelled" and isinstance(params, dict):
            task = self._running.get(_key(params.get("requestId")))
            if task is not None:
                task.cancel()

    def _answer(self, number: Any, method: str, params: Any) -> None:
        asked = params if isinstance(params, dict) else {}
        match method:
            case "initialize":
                _send(_done(number, self._greeting()))
            case "ping":
                _send(_done(number, {}))
            case "tools/list":
                _send(_done(number, {"tools": [one.view() for one in self._tools.values()]}))
            case "tools/call":
                self._begin(number, asked)
            case _:
                _send(_failed(number, _UNKNOWN_METHOD, f"There is no method {method[:80]!r} here."))

    def _greeting(self) -> Json:
        return {
            "protocolVersion": PROTOCOL,
            "capabilities": {"tools": {"listChanged": False}},
            "serverInfo": {"name": "lockside", "title": "lockside jobs", "version": __version__},
            "instructions": f"lockside runs jobs of data pipelines. {self._desk.marks.instructions}",
        }

    def _begin(self, number: Any, asked: Mapping[str, Any]) -> None:
        tool = self._tools.get(str(asked.get("name")))
        if tool is None:
            text = f"There is no tool {str(asked.get('name'))[:80]!r}; tools are {', '.join(self._tools)}."
            _send(_failed(number, _INVALID_PARAMS, text))
            return
        task = asyncio.create_task(self._perform(number, tool, asked.get("arguments") or {}))
        self._running[_key(number)] = task
        task.add_done_callback(lambda _: self._running.pop(_key(number), None))

    async def _perform(self, number: Any, tool: Tool, arguments: Any) -> None:
        try:
            text, answer = await tool.do(self._desk, _read(tool, arguments))
            result = {**_texts(text), "structuredContent": data_of(answer), "isError": False}
        except LocksideError as error:
            result = _refusal(error)
        _send(_done(number, result))


def _read(tool: Tool, arguments: Any) -> Any:
    """Return the arguments as their type. Raises InvalidParams."""
    if not isinstance(arguments, dict):
        raise InvalidParams(f"{tool.name} takes an object with its arguments.", data={"path": "$"})
    try:
        unknown = set(arguments) - set(tool.asks.__struct_encode_fields__)
        if unknown:
            name = min(unknown)
            raise InvalidParams(f"{tool.name} has no argument {name!r}.", data={"path": f"$.{name}"})
        return convert(arguments, tool.asks)
    except msgspec.ValidationError as problem:
        fault = fault_of(problem, arguments, tool.asks)
        raise InvalidParams(ended(f"{fault.path}: {fault.message}"), data={"path": fault.path}) from None


def _refusal(error: LocksideError) -> Json:
    """Return an error for the agent, with its kind, field and remedy."""
    told = {"kind": error.kind, "path": error.path, "message": error.message, "remedy": error.remedy or None}
    text = " ".join(filter(None, (f"{error.kind}: {error.message}", error.remedy)))
    return {**_texts(text[:4_000]), "structuredContent": {"error": told}, "isError": True}


def _texts(text: str) -> Json:
    return {"content": [{"type": "text", "text": text}]}


def _key(number: Any) -> str:
    return json.dumps(number)


def _done(number: Any, result: Json) -> Json:
    return {"jsonrpc": "2.0", "id": number, "result": result}


def _failed(number: Any, code: int, message: str) -> Json:
    return {"jsonrpc": "2.0", "id": number, "error": {"code": code, "message": message}}


def _send(message: Json) -> None:
    sys.stdout.buffer.write(json.dumps(message, ensure_ascii=True).encode() + b"\n")
    sys.stdout.buffer.flush()
