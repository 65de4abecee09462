"""A daemon for tests of the client: a dict of answers, and every call received. It keeps no state."""

import json
import os
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Self

Json = dict[str, Any]
Handler = Callable[[Json], Any]


HANG_UP: tuple[str, Json] = ("hang up", {})


class Refusal(Exception):
    """Raised by a handler to answer with an error."""

    def __init__(self, code: int, message: str, **data: Any) -> None:
        super().__init__(message)
        self.error = {"code": code, "message": message, "data": data}


class HangUp(Exception):
    """Raised by a handler to close the connection without an answer."""


class FakeDaemon:
    """Answers what `answers` says; any other method is unknown. `calls` has the received calls in order.

    With `serve_at_once` the calls of one connection are answered concurrently, so that one may wait.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.answers: dict[str, Any] = {}
        self.pushes: dict[str, list[tuple[str, Json]]] = {}
        self.calls: list[tuple[str, Json]] = []
        self.serve_at_once = False
        self._connections: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._listener: socket.socket | None = None
        self._sending = threading.Lock()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start listening; can be repeated after a stop."""
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        folder = os.open(os.path.dirname(self.path), os.O_PATH | os.O_DIRECTORY)
        listener.bind(f"/proc/self/fd/{folder}/{os.path.basename(self.path)}")
        os.close(folder)
        listener.listen()
        self._listener = listener
        self._spawn(self._accept, listener)

    def stop(self) -> None:
        """Stop as a killed daemon does: connections are closed, and the socket file is removed."""
        if self._listener is None:
            return
        listener, self._listener = self._listener, None
        for sock in [listener, *self._connections]:
            _shut(sock)
        self._connections.clear()
        os.unlink(self.path)
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join()
        self._threads.clear()

    def params_of(self, method: str) -> list[Json]:
        """Return the parameters of all calls of a method."""
        return [params for name, params in self.calls if name == method]

    def _spawn(self, run: Callable[[socket.socket], None], sock: socket.socket) -> None:
        thread = threading.Thread(target=run, args=(sock,), daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            self._connections.append(connection)
            self._spawn(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection, connection.makefile("rb") as lines:
                for line in lines:
                    request = json.loads(line)
                    if self.serve_at_once:
                        threading.Thread(
                            target=self._serve_one, args=(connection, request), daemon=True
                        ).start()
                        continue
                    connection.sendall(self._answer(request))
                    if HANG_UP in self.pushes.get(request["method"], ()):
                        raise HangUp
        except (OSError, HangUp, ValueError):
            _shut(connection)

    def _serve_one(self, connection: socket.socket, request: Json) -> None:
        try:
            answer = self._answer(request)
            with self._sending, suppress(OSError):  # the client may have disconnected meanwhile
                connection.sendall(answer)
        except HangUp:
            _shut(connection)

    def push(self, method: str, params: Json) -> None:
        """Send something to every connection."""
        line = json.dumps({"jsonrpc": "2.0", "method": method, "params": params}).encode() + b"\n"
        for connection in self._connections:
            with self._sending, suppress(OSError):  # A closed connection gets nothing.
                connection.sendall(line)

    def _answer(self, request: Json) -> bytes:
        method = request["method"]
        self.calls.append((method, request["params"]))
        answer: Json = {"jsonrpc": "2.0", "id": request["id"]}
        try:
            answer["result"] = self._result(method, request["params"])
        except Refusal as refusal:
            answer["error"] = refusal.error
        pushed = [
            {"jsonrpc": "2.0", "method": name, "params": body}
            for name, body in self.pushes.get(method, ())
            if (name, body) != HANG_UP
        ]
        return b"".join(json.dumps(message).encode() + b"\n" for message in [answer, *pushed])

    def _result(self, method: str, params: Json) -> Any:
        if method not in self.answers:
            raise Refusal(-32601, f"There is no method {method}.", kind="method_not_found")
        answer = self.answers[method]
        return answer(params) if callable(answer) else answer


def in_turn(*answers: Any) -> Handler:
    """Return one answer after another; an exception is raised, the last one is repeated."""
    left = list(answers)

    def next_answer(_: Json) -> Any:
        answer = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    return next_answer


def job(number: str = "42", status: str = "success", **more: Any) -> Json:
    """A job as the daemon returns it, with the members that matter to the test."""
    final = status in {"success", "warning", "error", "cancelled", "terminated"}
    return {
        "id": number,
        "uuid": "",
        "component": "airports.extract",
        "config": "daily",
        "status": status,
        "isFinished": final,
        "createdTime": "2026-01-31T08:00:00.000000Z",
        "result": {"message": None, "error": None},
        "reasons": [],
        "starts": 1 if final else 0,
        "pool": "default",
        "priority": 0,
    } | more


def _shut(sock: socket.socket) -> None:
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
    sock.close()
