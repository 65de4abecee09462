"""The blocking link: a connection for each running call, so that no thread waits for another. It has no lock
that a fork could leave locked: all changes of its sets and lists are atomic.
"""

from __future__ import annotations

from time import sleep

from lockside.errors import LocksideError, NotReachable, Unavailable
from lockside.session import closed
from lockside.transport import Connection

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Json = dict[str, Any]

_MOST_IDLE = 8


class BlockingLink:
    """The connections of one process. A call uses an idle connection or opens another."""

    def __init__(self, socket: str | None) -> None:
        self.was_connected = False
        self.socket = socket
        self._is_closed = False
        self._open: set[Connection] = set()
        self._idle: list[Connection] = []

    async def call(self, method: str, params: Json) -> Any:
        """Call over a connection that no other call uses; an interrupted connection is not reused."""
        connection = self._popped() or self.connect()
        try:
            answer = connection.call(method, params)
        except (NotReachable, Unavailable):
            self.disconnect_idle()  # They lead to the same daemon.
            self.drop(connection)
            if self._is_closed:
                raise closed() from None
            raise
        except LocksideError:
            self._give_back(connection)
            raise
        except BaseException:
            self.drop(connection)
            raise
        self._give_back(connection)
        return answer

    async def open(self) -> Stream:
        """Open a connection for one caller; raises NotReachable."""
        return Stream(self.connect(), self)

    async def pause(self, seconds: float) -> None:
        """Sleep for so many seconds."""
        sleep(seconds)  # noqa: ASYNC251 - a blocking link has no event loop to block

    def path(self) -> str:
        """Return the path of the daemon's socket after connecting to it; raises NotReachable."""
        connection = self._popped() or self.connect()
        self._give_back(connection)
        return connection.path

    def close(self) -> None:
        """Close all connections for good; calls of other threads end with an error."""
        self._is_closed = True
        self.disconnect()

    def disconnect(self) -> None:
        """Close all connections; the next call opens another."""
        self._idle.clear()
        for connection in tuple(self._open):
            self.drop(connection)

    def disconnect_idle(self) -> None:
        """Close the idle connections."""
        while (connection := self._popped()) is not None:
            self.drop(connection)

    def abandon(self) -> None:
        """Close the copies that a forked child has of its parent's connections."""
        for connection in self._open:
            connection.abandon()
        self._open, self._idle = set(), []

    def _popped(self) -> Connection | None:
        try:
            return self._idle.pop()
        except IndexError:
            return None

    def connect(self) -> Connection:
        """Open a connection for one caller, who drops it; raises NotReachable."""
        if self._is_closed:
            raise closed()
        connection = Connection.open(self.socket)
        self._open.add(connection)
        if self._is_closed:  # By another thread, which may not have seen this connection.
            self.drop(connection)
            raise closed()
        self.was_connected = True
        return connection

    def _give_back(self, connection: Connection) -> None:
        if self._is_closed or len(self._idle) >= _MOST_IDLE or connection not in self._open:
            self.drop(connection)
        else:
            self._idle.append(connection)

    def drop(self, connection: Connection) -> None:
        """Close a connection."""
        self._open.discard(connection)
        connection.close()


class Stream:
    """A connection of one caller, with its notifications."""

    def __init__(self, connection: Connection, link: BlockingLink) -> None:
        self._connection = connection
        self._link = link

    async def call(self, method: str, params: Json) -> Any:
        """Send one request and wait for its result."""
        return self._connection.call(method, params)

    async def next_notification(self) -> tuple[str, Json]:
        """Wait for the next notification."""
        return self._connection.notification()

    async def close(self) -> None:
        """Close the connection."""
        self._link.drop(self._connection)
