"""The gate before every application: accepted hosts, and limits of requests, bodies and time."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from starlette.responses import PlainTextResponse, Response

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

MOST_REQUESTS: Final = 200
MOST_STREAMS: Final = 500
STREAMS: Final = "/live"
"""The path of answers that do not end."""
MOST_BODY_BYTES: Final = 1 << 20
MOST_SECONDS: Final = 30.0
_POLICY: Final = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    b"form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_GUARDS: Final = [
    (b"content-security-policy", _POLICY),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
]
_MISDIRECTED, _UNAVAILABLE = 421, 503


def _plain(status: int, text: str) -> Response:
    """Return a refusal as plain text."""
    headers = {"Retry-After": "1"} if status == _UNAVAILABLE else {}
    return PlainTextResponse(f"{text}\n", status, headers=headers)


class Gate:
    """Refuses other hosts with 421 (so that a foreign name for this address gets no access), and excess
    requests with 503. A request that exceeds its time after a part was answered is broken off.
    """

    def __init__(self, app: App, hosts: frozenset[str], refusal: Callable[[int, str], App] = _plain) -> None:
        self._app = app
        self._hosts = hosts
        self._refusal = refusal
        self._running = 0
        self._streaming = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if _header(scope, b"host").lower() not in self._hosts:
            await self._refuse(
                scope, receive, send, _MISDIRECTED, "This host is not served here: see `hosts` in [web]."
            )
        elif scope["path"] == STREAMS:
            await self._stream(scope, receive, send)
        elif self._running >= MOST_REQUESTS:
            await self._refuse(
                scope, receive, send, _UNAVAILABLE, f"{MOST_REQUESTS} requests are being served: try again."
            )
        else:
            self._running += 1
            try:
                await self._serve(scope, receive, send)
            finally:
                self._running -= 1

    async def _refuse(self, scope: Scope, receive: Receive, send: Send, status: int, text: str) -> None:
        await self._refusal(status, text)(scope, receive, send)

    async def _stream(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a stream. It lasts as long as its page is open, so it does not count as a request."""
        if self._streaming >= MOST_STREAMS:
            await self._refuse(
                scope, receive, send, _UNAVAILABLE, f"{MOST_STREAMS} streams are being served: try again."
            )
            return
        self._streaming += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._streaming -= 1

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_begun = False

        async def sending(message: Message) -> None:
            nonlocal is_begun
            is_begun = True
            await send(message)

        try:
            async with asyncio.timeout(MOST_SECONDS):
                body = await _body(receive)
                if body is None:
                    await self._refuse(
                        scope, receive, send, _UNAVAILABLE, f"A body has at most {MOST_BODY_BYTES} bytes."
                    )
                else:
                    await self._app(scope, _once(body, receive), sending)
        except TimeoutError:
            if not is_begun:
                text = f"It took longer than {MOST_SECONDS:g} seconds: try again."
                await self._refuse(scope, receive, send, _UNAVAILABLE, text)


class Guarded:
    """Adds headers that make browsers run and show only content of this server."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", []), *_GUARDS]}
            await send(message)

        await self._app(scope, receive, sending)


async def _body(receive: Receive) -> bytes | None:
    """Return the body of a request; None if it is too long."""
    body = b""
    while True:
        message = await receive()
        part: bytes = message.get("body", b"")
        body += part
        if len(body) > MOST_BODY_BYTES:
            return None
        if not message.get("more_body"):
            return body


def _once(body: bytes, receive: Receive) -> Receive:
    """Return a function that receives the body, then what follows it."""
    left: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receiving() -> Message:
        return left.pop() if left else await receive()

    return receiving


def _header(scope: Scope, name: bytes) -> str:
    found = [value for key, value in scope["headers"] if key == name]
    return found[0].decode("latin-1") if len(found) == 1 else ""
