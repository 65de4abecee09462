"""Many calls in flight on one connection, and events as they happen: what live views are made of.

It only reads, so what is outstanding is simply asked again when the daemon comes back; a subscription goes on
after the last event that was seen. Nothing here polls: `next` sleeps until something arrives.
"""

from __future__ import annotations

import json
import select
from time import monotonic

from lockside.cli.session import Absence
from lockside.errors import ConnectionLost, LocksideError, NotReachable, Unavailable, from_wire
from lockside.transport import open_socket

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Hashable
    from typing import Any, Self

    from lockside.cli.session import Session

    Json = dict[str, Any]

EVENTS = "events"
LOST = "lost"
_CHUNK = 1 << 18


class Arrival:
    """Something that came: the answer to the call of this tag, or `EVENTS`, or `LOST` when some were missed.

    `value` raises what the daemon answered when it refused.
    """

    __slots__ = ("_error", "_value", "tag")

    def __init__(self, tag: Hashable, value: Any, error: LocksideError | None = None) -> None:
        self.tag = tag
        self._value = value
        self._error = error

    @property
    def value(self) -> Any:
        """The answer, or the list of events; raises LocksideError."""
        if self._error is not None:
            raise self._error
        return self._value


class Inflight:
    """Ask with `ask`, be told with `watch`, take what comes with `next`."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._socket: socket.socket | None = None
        self._received = b""
        self._arrivals: list[Arrival] = []
        self._asked: dict[int, tuple[Hashable, str, Json]] = {}
        self._watched: Json | None = None
        self._number = 0
        self._connect()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._socket is not None:
            self._socket.close()

    def ask(self, tag: Hashable, method: str, /, **params: Any) -> None:
        """Send a call; its answer comes out of `next` under this tag. What is None is not sent."""
        given = self._session.given(method, params)
        self._number += 1
        self._asked[self._number] = (tag, method, given)
        self._send(self._number, method, given)

    def watch(self, **filters: Any) -> None:
        """Be told of the events that pass the filters of `event.subscribe`, from now on."""
        self._watched = filters
        self.ask(self._watching, "event.subscribe", **filters)

    def next(self, timeout: float | None = None) -> Arrival | None:
        """Give what comes next, or None when the time is up before; outlives a restart of the daemon."""
        deadline = None if timeout is None else monotonic() + timeout
        while not self._arrivals:
            left = None if deadline is None else max(0.0, deadline - monotonic())
            try:
                if not self._receive(left):
                    return None
            except (NotReachable, Unavailable):
                self._come_back()
        return self._arrivals.pop(0)

    def _watching(self) -> None:
        """Serve as the tag of the subscription's own answer, which nobody else sees."""

    def _connect(self) -> None:
        self._socket, self._path = open_socket(self._session.socket)
        self._received = b""

    def _come_back(self) -> None:
        """Wait for the daemon and ask everything again that has no answer yet."""
        absence = Absence(self._session)
        while True:
            if self._socket is not None:
                self._socket.close()
                self._socket = None
            if not absence.goes_on():
                raise ConnectionLost("The daemon went away and did not come back.")
            try:
                self._connect()
                self._ask_again()
            except (NotReachable, Unavailable):
                continue
            return

    def _ask_again(self) -> None:
        open_calls = [call for call in self._asked.values() if call[1] != "event.subscribe"]
        self._asked.clear()
        if self._watched is not None:
            self.ask(self._watching, "event.subscribe", **self._watched)
        for tag, method, params in open_calls:
            self.ask(tag, method, **params)

    def _send(self, number: int, method: str, params: Json) -> None:
        request = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        line = json.dumps(request, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        if self._socket is None:
            return
        try:
            self._socket.sendall(line)
        except OSError:
            # It is asked again when the loss is noticed, which the next reading does.
            return

    def _receive(self, timeout: float | None) -> bool:
        """Read what there is; false when nothing came in time."""
        if self._socket is None:
            raise ConnectionLost("The daemon went away.")
        ready, _, _ = select.select([self._socket], [], [], timeout)
        if not ready:
            return False
        try:
            chunk = self._socket.recv(_CHUNK)
        except OSError as error:
            raise ConnectionLost(f"The daemon at {self._path} went away: {error.strerror}.") from error
        if not chunk:
            raise ConnectionLost(f"The daemon at {self._path} closed the connection.")
        *lines, self._received = (self._received + chunk).split(b"\n")
        for line in lines:
            self._take(json.loads(line))
        return True

    def _take(self, message: Json) -> None:
        if "method" in message:
            self._told(message["method"], message.get("params") or {})
            return
        asked = self._asked.get(message.get("id", 0))
        if asked is None:
            return
        error = from_wire(message["error"]) if message.get("error") else None
        if isinstance(error, Unavailable):
            raise error  # It says goodbye: what is open is asked again of the next one.
        del self._asked[message["id"]]
        tag = asked[0]
        if tag == self._watching and error is None and self._watched is not None:
            self._watched.setdefault("after", message["result"]["cursor"])
            return
        self._arrivals.append(Arrival(tag, message.get("result"), error))

    def _told(self, method: str, params: Json) -> None:
        if method == "event.lost":
            self._arrivals.append(Arrival(LOST, params))
            return
        found = params.get("events") or []
        if found and self._watched is not None:
            self._watched["after"] = max(self._watched.get("after", 0), found[-1].get("seq") or 0)
        self._arrivals.append(Arrival(EVENTS, found))
