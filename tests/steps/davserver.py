"""A WebDAV server of a folder, which can send truncated and failing answers."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Any

from cheroot.wsgi import Server
from wsgidav.wsgidav_app import WsgiDAVApp


@dataclass
class DavServer:
    """`cut_bytes` truncates each answer to GET, `status` refuses it; `starts` are the requested offsets."""

    app: Any
    password: str
    url: str = ""
    cut_bytes: int = 0
    status: str = ""
    starts: list[str] = field(default_factory=list)

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] != "GET":
            yield from self.app(environ, start)
            return
        self.starts.append(environ.get("HTTP_RANGE", ""))
        if self.status:
            start(self.status, [("Content-Length", "0")])
            return
        sent = 0
        for chunk in self.app(environ, start):
            left = self.cut_bytes - sent if self.cut_bytes else len(chunk)
            yield chunk[:left]
            sent += len(chunk)
            if left < len(chunk):
                raise ConnectionError("as asked for")


@contextmanager
def dav_serving(folder: Path, *, user: str, password: str) -> Iterator[DavServer]:
    """Serve a folder to one user."""
    app = WsgiDAVApp(
        {
            "provider_mapping": {"/": str(folder)},
            "simple_dc": {"user_mapping": {"*": {user: {"password": password}}}},
            "http_authenticator": {"accept_basic": True, "accept_digest": False, "default_to_digest": False},
            "verbose": 0,
            "logging": {"enable": False},
        }
    )
    dav = DavServer(app, password)
    server = Server(("127.0.0.1", 0), dav, numthreads=2)
    server.error_log = lambda *_, **__: None
    server.prepare()
    thread = Thread(target=server.serve)
    thread.start()
    try:
        dav.url = f"http://127.0.0.1:{server.bind_addr[1]}"
        yield dav
    finally:
        server.stop()
        thread.join()
