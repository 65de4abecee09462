"""The HTTP server, with what a proxy's trust needs: who is at the other end of a Unix socket."""

import asyncio
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from lockside.web.gate import App

_CREDENTIALS = struct.Struct("iII")


class PeerProtocol(H11Protocol):
    """HTTP whose client is `uid:NUMBER` when it came over a Unix socket."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client connects."""
        super().connection_made(transport)
        connected = transport.get_extra_info("socket")
        if connected is not None and connected.family == socket.AF_UNIX:
            raw = connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
            _, uid, _ = _CREDENTIALS.unpack(raw)
            self.client = (f"uid:{uid}", 0)


class Server(uvicorn.Server):
    """One that leaves signals to who runs several of them."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


def server_of(app: App) -> Server:
    """A server of an application."""
    config = uvicorn.Config(
        app,
        http=PeerProtocol,
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        lifespan="off",
        timeout_graceful_shutdown=2,
    )
    return Server(config)
