"""The HTTP server, which also identifies the peer of a Unix socket, for the trust in proxies."""

import asyncio
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from lockside.web.gate import MOST_BODY_BYTES, App

MOST_REQUEST_BYTES = 2 * MOST_BODY_BYTES
MOST_GATHERED = 16
MOST_GATHERED_BYTES = 65_536
_CREDENTIALS = struct.Struct("iII")


class Gathered:
    """A transport that sends all writes of one step of the loop together: an answer's head and body."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._parts: list[bytes] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Send it soon; large data at once, so that flow control works."""
        if not self._parts:
            self._loop.call_soon(self._send)
        self._parts.append(data)
        if len(data) > MOST_GATHERED_BYTES or len(self._parts) > MOST_GATHERED:
            self._send()

    def close(self) -> None:
        """Send pending data and close the transport."""
        self._send()
        self._transport.close()

    def _send(self) -> None:
        parts, self._parts = self._parts, []
        if parts:
            self._transport.write(b"".join(parts))


class PeerProtocol(HttpToolsProtocol):
    """HTTP with the client `uid:NUMBER` for a connection over a Unix socket.

    The parser itself does not limit the size of heads.
    """

    _received_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Identify the peer of a new connection."""
        super().connection_made(Gathered(transport))  # type: ignore[arg-type]
        connected = transport.get_extra_info("socket")
        if connected is not None and connected.family == socket.AF_UNIX:
            raw = connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
            _, uid, _ = _CREDENTIALS.unpack(raw)
            self.client = (f"uid:{uid}", 0)

    def data_received(self, data: bytes) -> None:
        """Read a part of a request; one that is too long is refused."""
        self._received_bytes += len(data)
        super().data_received(data)
        if self._received_bytes > MOST_REQUEST_BYTES and not self.transport.is_closing():
            self.send_400_response("The request is too long.")

    def on_message_begin(self) -> None:
        """Reset the size for a new request."""
        self._received_bytes = 0
        super().on_message_begin()


class Server(uvicorn.Server):
    """A server that leaves signals to the program, which runs several servers."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture no signals."""
        yield


def server_of(app: App) -> Server:
    """Return a server for an application."""
    config = uvicorn.Config(
        app,
        http=PeerProtocol,
        ws="none",
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        lifespan="off",
        timeout_graceful_shutdown=2,
    )
    return Server(config)
