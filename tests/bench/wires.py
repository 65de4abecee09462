"""Raw lines to a socket, with almost no cost of their own: the server is measured, not the client."""

import json
import selectors
import socket
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self

PATIENCE_SECONDS = 600.0


class Line:
    """One connection with one request at a time."""

    def __init__(self, path: Path | str) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(PATIENCE_SECONDS)
        self.socket.connect(str(path))
        self._lines = self.socket.makefile("rb", buffering=1 << 16)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._lines.close()
        self.socket.close()

    def exchange(self, request: bytes) -> bytes:
        """Send a line and return the line that comes back."""
        self.socket.sendall(request)
        answer = self._lines.readline()
        assert answer.endswith(b"\n"), "the other side hung up"
        return answer

    def call(self, method: str, **params: Any) -> Any:
        """Return the result of a call; an error raises AssertionError."""
        return result(self.exchange(request(method, **params)))


def request(method: str, **params: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode() + b"\n"


def result(answer: bytes) -> Any:
    message = json.loads(answer)
    assert "error" not in message, message
    return message["result"]


def many_at_once(path: Path | str, connections: int, requests: Iterable[bytes]) -> float:
    """Send requests over many connections, one at a time on each; returns how long it took."""
    waiting = iter(requests)
    with selectors.DefaultSelector() as selector:
        under_way = 0
        sockets = []
        for _ in range(connections):
            each = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            each.connect(str(path))
            sockets.append(each)
            selector.register(each, selectors.EVENT_READ)
        begin = time.monotonic()
        for each in sockets:
            if (data := next(waiting, None)) is not None:
                each.sendall(data)
                under_way += 1
        while under_way:
            for key, _ in selector.select(PATIENCE_SECONDS):
                each = key.fileobj  # type: ignore[assignment]
                data = each.recv(1 << 18)
                assert data, "the other side hung up"
                assert b'"error":{' not in data[:60], data
                if not data.endswith(b"\n"):
                    continue
                under_way -= 1
                if (following := next(waiting, None)) is not None:
                    each.sendall(following)
                    under_way += 1
        took = time.monotonic() - begin
        for each in sockets:
            each.close()
    return took
