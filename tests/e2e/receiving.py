"""A receiver of webhooks: a real HTTP server that keeps what it received and answers as the test says."""

import json
import os
import queue
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from e2e.harness import Daemon
from e2e.processes import PATIENCE_SECONDS


@dataclass(frozen=True)
class Post:
    """A received POST."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def data(self) -> dict[str, Any]:
        data: dict[str, Any] = json.loads(self.body)["data"]
        return data

    @property
    def type(self) -> str:
        kind: str = json.loads(self.body)["type"]
        return kind


class Receiver:
    """Answers `status`, or the next of `statuses`, with `headers`, once the `gate` is open."""

    def __init__(self) -> None:
        self.status = 204
        self.statuses: list[int] = []
        self.headers: dict[str, str] = {}
        self.gate = threading.Event()
        self.gate.set()
        self._posts: queue.Queue[Post] = queue.Queue()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def port(self) -> int:
        return self._server.server_address[1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def take(self) -> Post:
        """Wait for the next POST and return it."""
        return self._posts.get(timeout=PATIENCE_SECONDS)

    def taken(self) -> list[Post]:
        """Return all POSTs that have arrived and were not taken."""
        found = []
        while not self._posts.empty():
            found.append(self._posts.get())
        return found

    def got(self, post: Post) -> int:
        self._posts.put(post)
        self.gate.wait(PATIENCE_SECONDS)
        return self.statuses.pop(0) if self.statuses else self.status

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self.gate.set()
        self._server.shutdown()
        self._server.server_close()


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            self.send_response(receiver.got(Post(self.path, headers, body)))
            for name, value in receiver.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    return Handler


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver for one test."""
    receiver = Receiver()
    receiver.start()
    try:
        yield receiver
    finally:
        receiver.close()


def couriers(daemon: Daemon) -> list[int]:
    """Return the living couriers of a daemon."""
    found, words = [], (b"locksided-courier", os.fsencode(daemon.state_dir))
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            if entry.name.isdecimal() and all(word in (entry / "cmdline").read_bytes() for word in words):
                found.append(int(entry.name))
    return found
