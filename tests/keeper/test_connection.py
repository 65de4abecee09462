"""The connection of a daemon that dies: its last messages are read, whatever the keeper has to send."""

import socket
from collections.abc import Callable, Iterator

import pytest

from locksided.keeper.connection import DaemonConnection


class ByHand:
    """A loop whose turns the test makes."""

    def __init__(self) -> None:
        self.ready: dict[int, Callable[[], None]] = {}
        self.last: list[Callable[[], None]] = []

    def watch(self, fd: int, ready: Callable[[], None], _events: int = 0) -> None:
        self.ready[fd] = ready

    def forget(self, fd: int) -> None:
        del self.ready[fd]

    def at_end_of_turn(self, callback: Callable[[], None]) -> None:
        self.last.append(callback)

    def turn(self) -> None:
        for ready in [*self.ready.values(), *self.last]:
            ready()
        self.last.clear()


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    daemon, keeper = socket.socketpair()
    keeper.setblocking(False)
    yield daemon, keeper
    daemon.close()
    keeper.close()


def test_the_last_messages_of_a_daemon_that_died_are_read(pair: tuple[socket.socket, socket.socket]) -> None:
    daemon, keeper = pair
    loop = ByHand()
    taken: list[bytes] = []
    closed: list[DaemonConnection] = []
    connection = DaemonConnection(loop, keeper, taken.append, closed.append)  # type: ignore[arg-type]
    daemon.sendall(b'{"op":"stop"}\n')
    daemon.close()
    connection.send({"op": "progress"})
    assert not closed, "there is something to be read"
    loop.turn()
    loop.turn()
    assert taken == [b'{"op":"stop"}']
    assert closed == [connection]
