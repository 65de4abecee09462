"""Accepts clients and serves each in a task of its own until told to stop.

Trouble with one client, of whatever kind, ends only that client's connection.
"""

import errno
import socket
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

import anyio
from anyio.abc import TaskGroup, TaskStatus

from lockside.protocol.errors import ErrorKind, error
from lockside.protocol.methods import METHODS, Method
from lockside.protocol.words import Role
from locksided import clock, threads
from locksided.histograms import Timings
from locksided.server.access import Access, Principal
from locksided.server.calls import Guard, Handler, Log, Router
from locksided.server.connection import ClientConnection
from locksided.server.inbox import Unfinished
from locksided.server.listeners import Listener, made_again
from locksided.server.messages import ClientLimits, error_text
from locksided.server.peers import peer_of, user_name

STOP_SECONDS: Final = 2.0
NO_DESCRIPTOR_SECONDS: Final = 1.0
_NO_DESCRIPTORS: Final = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


class Server:
    """Serves `handlers` on listeners. `access` may be replaced while it runs; it applies at once."""

    def __init__(
        self,
        handlers: Mapping[str, Handler],
        access: Access,
        limits: ClientLimits,
        log: Log,
        *,
        methods: Mapping[str, Method] = METHODS,
        guard: Guard | None = None,
        timings: Timings | None = None,
    ) -> None:
        self._access = access
        self.connections: set[ClientConnection] = set()
        self.listeners: list[Listener] = []
        self._limits = limits
        self._log = log
        self._unfinished = Unfinished(limits.unfinished_bytes)
        self._router = Router(methods, handlers, limits.line_bytes, log, guard, timings)
        self._names: dict[int, str] = {}
        self._accepted = 0
        self._connection_ended = anyio.Event()
        self._stopped = anyio.Event()

    @property
    def access(self) -> Access:
        """The roles of users and groups."""
        return self._access

    @access.setter
    def access(self, access: Access) -> None:
        """Apply new roles to all connections; those of users without a role are closed."""
        self._access = access
        for connection in self.connections:
            who = connection.principal
            connection.principal = replace(who, role=access.role_now(who))
            if connection.principal.role is Role.NONE and who.role is not Role.NONE:
                connection.stop()

    def stop(self) -> None:
        """Accept no more clients and finish open calls; `serve` returns within two seconds."""
        self._stopped.set()

    async def serve(
        self, listeners: Sequence[Listener], *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED
    ) -> None:
        """Serve until `stop`, or until cancelled; open calls are answered and the listeners closed."""
        self.listeners = list(listeners)
        async with anyio.create_task_group() as outer:
            clients: TaskGroup = await outer.start(self._hold_clients)
            try:
                async with anyio.create_task_group() as accepting:
                    for place in range(len(self.listeners)):
                        accepting.start_soon(self._listen, place, clients)
                    task_status.started()
                    await self._stopped.wait()
                    accepting.cancel_scope.cancel()
            finally:
                self._stopped.set()
                for listener in self.listeners:
                    listener.close()

    async def _listen(self, place: int, clients: TaskGroup) -> None:
        """Accept at one of the listeners, and at its replacement when its path is removed."""
        while True:
            listener = self.listeners[place]
            async with anyio.create_task_group() as accepting:
                accepting.start_soon(self._accept, listener.socket, clients)
                self.listeners[place] = await made_again(listener, self._log)
                accepting.cancel_scope.cancel()
            self._log.warning("the socket was taken away and is made again", path=str(listener.path))
            await self._accept_waiting(listener.socket, clients)
            listener.close()

    async def _hold_clients(self, *, task_status: TaskStatus[TaskGroup]) -> None:
        """Own the clients' tasks: shielded, so that a cancelled daemon still answers before it ends."""
        with anyio.CancelScope(shield=True):
            async with anyio.create_task_group() as clients:
                task_status.started(clients)
                await self._stopped.wait()
                clients.cancel_scope.deadline = clock.real_seconds() + STOP_SECONDS
                for connection in self.connections:
                    connection.stop()

    async def _accept(self, listening: socket.socket, clients: TaskGroup) -> None:
        while True:
            await self._accept_waiting(listening, clients)
            await anyio.wait_readable(listening)

    async def _accept_waiting(self, listening: socket.socket, clients: TaskGroup) -> None:
        """Accept all waiting clients."""
        while True:
            try:
                connected, _ = listening.accept()
            except BlockingIOError:
                return
            except ConnectionError:
                continue
            except OSError as problem:
                if problem.errno not in _NO_DESCRIPTORS:
                    raise
                self._log.warning("cannot accept a connection", cause=problem.strerror)
                await self._descriptor_is_free()
            else:
                await self._welcome(connected, clients)

    async def _descriptor_is_free(self) -> None:
        """Wait until a connection ended, or for a moment: descriptors are used elsewhere, too."""
        with clock.real_move_on_after(NO_DESCRIPTOR_SECONDS):
            self._connection_ended = anyio.Event()
            await self._connection_ended.wait()

    async def _welcome(self, connected: socket.socket, clients: TaskGroup) -> None:
        connected.setblocking(False)
        if self._accepted >= self._limits.connections:
            message = (
                f"The daemon has its {self._limits.connections} connections: close one that is not needed"
            )
            _reject(connected, error_text(None, error(ErrorKind.LIMIT, message)))
            return
        self._accepted += 1
        clients.start_soon(self._serve_client, connected)
        await anyio.lowlevel.checkpoint()

    async def _serve_client(self, connected: socket.socket) -> None:
        try:
            principal = await self._principal_of(connected)
            connection = ClientConnection(connected, principal, self._router, self._limits, self._unfinished)
            self.connections.add(connection)
            if self._stopped.is_set():
                connection.stop()
            try:
                await connection.run()
            finally:
                self.connections.discard(connection)
        except Exception as problem:  # noqa: BLE001 - a fault with one client must end no other
            self._log.error("connection failed", exc_info=problem)
        finally:
            connected.close()
            self._accepted -= 1
            self._connection_ended.set()

    async def _name_of(self, uid: int) -> str:
        """Return the user's name; a name is cached, a number used for lack of a name is not."""
        try:
            user = await threads.run_sync(user_name, uid)
        except OSError:
            return str(uid)
        if user != str(uid):
            self._names[uid] = user
        return user

    async def _principal_of(self, connected: socket.socket) -> Principal:
        peer = peer_of(connected)
        user = self._names.get(peer.uid) or await self._name_of(peer.uid)
        role = self.access.role_of(peer.uid, peer.groups)
        return Principal(peer.uid, peer.gid, user, peer.groups, role, peer.pid)


async def serve(
    listeners: Iterable[Listener],
    handlers: Mapping[str, Handler],
    access: Access,
    limits: ClientLimits,
    log: Log,
) -> None:
    """Serve until cancelled: a short form of `Server`."""
    await Server(handlers, access, limits, log).serve(list(listeners))


def _reject(connected: socket.socket, text: bytes) -> None:
    try:
        connected.send(text + b"\n")
    except OSError:
        pass  # it is gone already
    finally:
        connected.close()
