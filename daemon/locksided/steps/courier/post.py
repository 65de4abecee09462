"""One POST of a webhook: no redirect, no proxy, and a connection only to an address that was checked."""

import http.client
import socket
import ssl
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import NamedTuple, Self
from urllib.parse import urlsplit

from locksided.notifications.addresses import Allowed, Target
from locksided.steps.connecting import Blocked, connected

TIMEOUT_SECONDS = 15.0
READ_BYTES = 16_384
BLOCKED = "blocked_address"


class Answer(NamedTuple):
    """The answer of a receiver. `error` is a sentence; a final answer is not retried."""

    status_code: int | None = None
    error: str | None = None
    retry_after: str | None = None
    is_final: bool = False


def post(url: str, headers: Mapping[str, str], body: bytes, allowed: Allowed) -> Answer:
    """Send it once. It ends within `TIMEOUT_SECONDS` after the host name is resolved."""
    target, parts = Target.of(url), urlsplit(url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connected_socket = connected(target, allowed, TIMEOUT_SECONDS)
        with _Connection(connected_socket, target) as connection:
            answer = _exchange(connection, path, {**headers, "Host": _host(parts.netloc)}, body)
    except Blocked as problem:
        return Answer(error=f"{BLOCKED}: {problem}", is_final=True)
    except (OSError, http.client.HTTPException, ValueError) as problem:
        return Answer(error=error_text(problem))
    return answer


def _host(netloc: str) -> str:
    return netloc.rpartition("@")[2]


def error_text(problem: Exception) -> str:
    """Return the error as a sentence."""
    if isinstance(problem, TimeoutError):
        return f"no answer within {TIMEOUT_SECONDS:g} seconds"
    text = getattr(problem, "strerror", None) or str(problem)
    return f"{type(problem).__name__}: {text}"[:500]


class _Deadline:
    """Closes a connection after its time limit, however slowly the other end continues."""

    def __init__(self, connected: socket.socket) -> None:
        self.is_over = False
        self._socket = connected
        self._timer = threading.Timer(TIMEOUT_SECONDS, self._end)
        self._timer.daemon = True

    def _end(self) -> None:
        self.is_over = True
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()


class _Connection:
    """A connection to a checked address, as a context."""

    def __init__(self, connected: socket.socket, target: Target) -> None:
        self._deadline = _Deadline(connected)
        self._socket = connected
        self._target = target

    def __enter__(self) -> http.client.HTTPConnection:
        self._deadline.__enter__()
        try:
            connection = http.client.HTTPConnection(self._target.host, self._target.port)
            connection.sock = self._secured()
        except BaseException as problem:
            self.__exit__(type(problem), problem, None)
            raise
        return connection

    def _secured(self) -> socket.socket:
        if self._target.scheme == "http":
            return self._socket
        return ssl.create_default_context().wrap_socket(self._socket, server_hostname=self._target.host)

    def __exit__(self, _: object, problem: BaseException | None, __: object) -> None:
        self._deadline.__exit__()
        self._socket.close()
        if self._deadline.is_over and problem is not None:
            raise TimeoutError from problem


def _exchange(
    connection: http.client.HTTPConnection, path: str, headers: Mapping[str, str], body: bytes
) -> Answer:
    connection.putrequest("POST", path, skip_host=True, skip_accept_encoding=True)
    for name, value in {**headers, "Content-Length": str(len(body)), "Connection": "close"}.items():
        connection.putheader(name, value)
    connection.endheaders(body)
    response = connection.getresponse()
    response.read(READ_BYTES)
    return Answer(response.status, None, response.getheader("Retry-After"))
