"""The connection of a keeper, or another executor, to its daemon: the one that spoke last is served.

The meaning of the messages belongs to their receivers.
"""

import socket
from collections.abc import Callable, Mapping
from typing import Any

from locksided.keeper import listener, private, wire
from locksided.keeper.connection import DaemonConnection
from locksided.keeper.journal import Journal
from locksided.keeper.loop import Loop
from locksided.keeper.start.order import BadOrder
from locksided.keeper.wire import BadLine, Message

ACCEPT_AGAIN_SECONDS = 1.0

Operations = Mapping[str, Callable[[Message], None]]


class Port:
    """The socket on which daemons connect, and the one daemon that is served."""

    def __init__(
        self,
        loop: Loop,
        journal: Journal,
        listening: socket.socket,
        operations: Operations,
        changed: Callable[[], None],
    ) -> None:
        """`changed` is called when a daemon connects or leaves; nothing is sent to it before its hello."""
        self._loop = loop
        self._journal = journal
        self._listening = listening
        self._operations = operations
        self._changed = changed
        self._connection: DaemonConnection | None = None
        self._has_greeted = False
        listening.setblocking(False)
        private.add(listening.fileno())
        loop.watch(listening.fileno(), self._accept)

    @property
    def is_connected(self) -> bool:
        return self._connection is not None

    def tell(self, message: Any) -> None:
        """Send a message to the daemon if it is connected; it finds missed ones in the next hello."""
        if self._connection is not None and self._has_greeted:
            self._connection.send(message)

    def say_last_words(self) -> None:
        """Send pending data, for at most a moment."""
        if self._connection is not None:
            self._connection.say_last_words()

    def _accept(self) -> None:
        try:
            peer = listener.accept(self._listening)
        except OSError as error:
            self._accept_later(error)
            return
        if peer is None:
            return
        made = DaemonConnection(
            self._loop, peer, lambda line: self._take_line(made, line), self._disconnected
        )

    def _accept_later(self, error: OSError) -> None:
        """Without a free descriptor, close the old connection, as a new one would, or retry later."""
        self._journal.write("connection not accepted", error=str(error))
        if self._connection is not None:
            self._connection.close()
            return
        listening = self._listening.fileno()
        self._loop.forget(listening)
        self._loop.after(ACCEPT_AGAIN_SECONDS, lambda: self._loop.watch(listening, self._accept))

    def _become_current(self, connection: DaemonConnection) -> None:
        """Serve this daemon from now on. A client that only connects replaces nobody."""
        before, self._connection = self._connection, connection
        self._has_greeted = False
        if before is not None:
            before.close()
        self._changed()

    def _disconnected(self, connection: DaemonConnection) -> None:
        if connection is self._connection:
            self._connection = None
            self._changed()

    def _take_line(self, connection: DaemonConnection, line: bytes) -> None:
        try:
            message = wire.decode(line)
            if connection is not self._connection:
                self._become_current(connection)
            operation = self._operations[message["op"]]
            self._has_greeted = self._has_greeted or message["op"] == "hello"
            operation(message)
        except (BadLine, BadOrder, KeyError) as error:
            self._journal.write("line not understood", error=repr(error))
