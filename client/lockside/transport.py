"""A blocking JSON-RPC connection over a Unix socket, with only the standard library and plain dicts. It
numbers calls and matches answers. It knows no methods, never reconnects and never sends anything twice: its
users know which calls may be repeated.
"""

from __future__ import annotations

import json
import os
import select
import socket

from lockside.errors import ConnectionLost, InvalidParams, NotReachable, from_wire
from lockside.paths import socket_candidates

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, Self

LONGEST_UNIX_PATH = 107
CONNECT_SECONDS = 5.0
_CHUNK_BYTES = 1 << 18


class Connection:
    """An open connection; notifications that arrive between answers are queued for `notification`."""

    def __init__(self, sock: socket.socket, path: str) -> None:
        self.path = path
        self._socket = sock
        self._received: list[bytes] = []
        self._lines: list[bytes] = []
        self.last_id = 0
        self._notifications: list[tuple[str, dict[str, Any]]] = []

    @classmethod
    def open(cls, explicit: str | None = None) -> Connection:
        """Connect to the named socket, else to the first candidate that answers; raises NotReachable."""
        return cls(*open_socket(explicit))

    def call(self, method: str, params: Mapping[str, Any] | None = None) -> Any:
        """Send one request and wait for its result; raises the class of the error, or ConnectionLost."""
        number = self.send(method, params or {})
        while True:
            message = self._next()
            if "method" in message:
                self._keep(message)
            elif message.get("id") in {number, None}:
                return result_of(message)

    def notification(self) -> tuple[str, dict[str, Any]]:
        """Wait for the next notification and return its method and params."""
        while not self._notifications:
            message = self._next()
            if "method" in message:
                self._keep(message)
        return self._notifications.pop(0)

    def send(self, method: str, params: Mapping[str, Any]) -> int:
        """Send one request and return its id; the caller gets the answer from `receive`."""
        body = encoded(params)
        self.last_id += 1
        try:
            self._socket.sendall(request_line(self.last_id, method, body))
        except OSError as error:
            raise self._lost(error) from error
        return self.last_id

    def receive(self, timeout: float | None = None) -> dict[str, Any] | None:
        """Wait for the next message of any kind; None after the timeout."""
        try:
            while not self._lines:
                if timeout is not None and not select.select([self._socket], [], [], timeout)[0]:
                    return None
                self._split(self._socket.recv(_CHUNK_BYTES))
        except (OSError, ValueError) as error:  # select raises ValueError for a closed socket
            raise self._lost(error) from error
        try:
            message = json.loads(self._lines.pop(0))
        except ValueError:
            message = None
        if not isinstance(message, dict):
            raise ConnectionLost(f"The program at {self.path} does not speak lockside's protocol.")
        return message

    def close(self) -> None:
        """Close the connection; calls in flight are not undone, and threads that wait for them wake up."""
        try:  # noqa: SIM105 - contextlib would slow down the start of every command
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # The daemon closed its side first.
        self._socket.close()

    def abandon(self) -> None:
        """Close only this process's copy: another process continues to use the connection."""
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _next(self) -> dict[str, Any]:
        message = self.receive()
        assert message is not None, "without a time-out there is a message or an error"
        return message

    def _keep(self, message: dict[str, Any]) -> None:
        self._notifications.append((message["method"], message.get("params") or {}))

    def _split(self, chunk: bytes) -> None:
        if not chunk:
            raise ConnectionLost(f"The daemon at {self.path} closed the connection.")
        first, *rest = chunk.split(b"\n")
        self._received.append(first)
        if rest:
            self._lines += [b"".join(self._received), *rest[:-1]]
            self._received = rest[-1:]

    def _lost(self, error: Exception) -> ConnectionLost:
        reason = getattr(error, "strerror", None) or str(error)
        return ConnectionLost(f"The daemon at {self.path} went away: {reason}.")


def encoded(params: Mapping[str, Any]) -> bytes:
    """Encode parameters as JSON; raises InvalidParams for invalid Unicode and for numbers that are not
    finite.
    """
    try:
        return json.dumps(params, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except UnicodeEncodeError as error:
        raise InvalidParams("Text that is not valid UTF-8 cannot be sent to the daemon.") from error
    except TypeError as error:
        text = f"This cannot be sent to the daemon as JSON: {error}."
        raise InvalidParams(text, remedy="Bytes have to be decoded to text first.") from error
    except ValueError as error:
        from lockside.documents.paths import join, not_finite

        for steps in not_finite(params):
            path = join("$", *steps)
            text = f"{path} is not a finite number: JSON cannot represent it."
            raise InvalidParams(text, data={"path": path}) from None
        raise InvalidParams(f"This cannot be sent to the daemon as JSON: {error}.") from error


def request_line(number: int, method: str, params: bytes) -> bytes:
    """Return the line of a request with encoded parameters."""
    return b'{"jsonrpc":"2.0","id":%d,"method":"%s","params":%s}\n' % (number, method.encode(), params)


def result_of(message: Mapping[str, Any]) -> Any:
    """Return the result in an answer; raises the class of its error."""
    error = message.get("error")
    if error is not None:
        raise from_wire(error)
    return message.get("result")


def open_socket(explicit: str | None = None) -> tuple[socket.socket, str]:
    """Return a connected socket and its path; raises NotReachable."""
    failures: list[tuple[str, OSError]] = []
    for path in socket_candidates(explicit):
        try:
            return _connected(path), path
        except OSError as error:
            failures.append((path, error))
    raise _not_reachable(failures)


def _connected(path: str) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.settimeout(CONNECT_SECONDS)
        connect_unix(sock, path)
        sock.settimeout(None)
    except BaseException:
        sock.close()
        raise
    return sock


def connect_unix(sock: socket.socket, path: str) -> None:
    """Connect to a path of any length; a long path is opened through its folder's descriptor."""
    if len(os.fsencode(path)) <= LONGEST_UNIX_PATH:
        sock.connect(path)
        return
    folder = os.open(os.path.dirname(path), os.O_PATH | os.O_DIRECTORY)
    try:
        sock.connect(f"/proc/self/fd/{folder}/{os.path.basename(path)}")
    finally:
        os.close(folder)


def _not_reachable(failures: Sequence[tuple[str, OSError]]) -> NotReachable:
    """Return the most informative failure: that of an existing socket, if there is one."""
    for path, error in failures:
        if isinstance(error, PermissionError):
            return NotReachable(
                f"You may not open the daemon's socket {path}.",
                data={"path": path},
                remedy=_access_hint(path),
            )
        if not isinstance(error, FileNotFoundError | NotADirectoryError):
            reason = error.strerror or str(error)
            return NotReachable(f"No daemon answers at {path} ({reason.lower()}).", data={"path": path})
    tried = ", ".join(path for path, _ in failures)
    return NotReachable(f"No daemon is running here (no socket at {tried}).", data={"tried": tried})


def _access_hint(path: str) -> str:
    """Return a hint on how to get access: by the socket's group, if it has access."""
    import grp
    import stat

    try:
        state = os.stat(path)
        group = grp.getgrgid(state.st_gid).gr_name
    except (OSError, KeyError):
        return "You have no access to its folder; ask the administrator of the daemon."
    if state.st_mode & stat.S_IWGRP:
        return f"The group '{group}' has access: `usermod -aG {group} YOU` as root, then log in again."
    return "Its owner can give access to a group: [daemon] socket_group in lockside.toml."


def new_deduplication_id() -> str:
    """Create an id with which a call can be sent again without taking effect twice."""
    return "c-" + os.urandom(12).hex()
