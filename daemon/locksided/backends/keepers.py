"""All keepers of this daemon: the current one gets new starts, former ones keep their runs until these end.

A keeper that was alive when this daemon started and has another protocol version, or another build, is a
former one: of an older release, or of a newer one after a downgrade. It is adopted with all its runs, gets
only messages that every version understands (see `keeper.wire`), and is dismissed when it has nothing left.
The set of keepers is not stored: their sockets and locks define it, so a crash in the middle of a change does
no harm.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import anyio
import structlog
from anyio.abc import TaskGroup

from locksided import clock
from locksided.backends.link import Link
from locksided.backends.messages import BUILD, VERSION, Message
from locksided.backends.process import KeeperNotStartedError
from locksided.backends.sockets import SocketFolder

FIRST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 5.0
FIRST_AGAIN_SECONDS = 2.0
LONGEST_AGAIN_SECONDS = 60.0
PATIENCE_SECONDS = 2.0
"""How long an unresponsive keeper may delay the choice; nothing is concluded about its jobs."""

log = structlog.get_logger("keeper")


class KeeperRelease(NamedTuple):
    """The installed code: the protocol's version, and the build of the keeper."""

    version: int
    build: str


INSTALLED = KeeperRelease(VERSION, BUILD)


class Receiver(Protocol):
    """Receives the messages of the keepers."""

    async def keeper_up(self, link: Link) -> None:
        """A keeper is connected. Its messages after the hello are passed on when this returns."""

    def keeper_said(self, link: Link, message: Message) -> None:
        """Handle one message."""

    async def keepers_changed(self) -> None:
        """There is a current keeper, and keepers came or went since the last call."""

    def keeper_down(self, cause: str) -> None:
        """There is no current keeper: nothing can be started."""


class Keepers:
    """Keeps a connection to every living keeper, and chooses one for new starts."""

    def __init__(
        self,
        sockets: SocketFolder,
        connect: Callable[[Path], Link] = Link,
        release: KeeperRelease = INSTALLED,
    ) -> None:
        self._sockets = sockets
        self._connect_to = connect
        self._release = release
        self._links: dict[Path, Link] = {}
        self._chosen: Link | None = None
        self._found_pids: set[int] = set()
        self._is_patient = True
        self._changed = anyio.Event()
        self._came = anyio.Event()
        self._again: clock.Timer | None = None
        self._again_seconds = FIRST_AGAIN_SECONDS
        self._again_asked = 0.0
        self.cause: str | None = None
        """Why there is no current keeper."""
        self.down_us = clock.now_us()
        """Since when there is none."""

    @property
    def current(self) -> Link | None:
        """The keeper for new starts, while there is one."""
        return self._chosen if self._chosen is not None and self._chosen.is_up else None

    async def until_current(self) -> None:
        """Return once there is a keeper for new starts."""
        while self.current is None:
            await self._came.wait()

    @property
    def all(self) -> list[Link]:
        """All living keepers known to this daemon."""
        return list(self._links.values())

    @property
    def former(self) -> list[Link]:
        """The other living keepers, connected or not."""
        others = [link for link in self._links.values() if link is not self._chosen]
        return [link for link in others if self._sockets.is_alive(link.path)]

    @property
    def are_all_heard(self) -> bool:
        """Whether every living keeper has listed its runs."""
        return all(link.is_up for link in self._links.values())

    def send(self, message: Any) -> bool:
        """Send the current keeper a message; False if there is none."""
        return self._chosen is not None and self._chosen.send(message)

    def flush(self) -> None:
        """Write what was sent now, so that starts are not delayed."""
        if self.current is not None:
            self.current.flush()

    def send_to_all(self, message: Any) -> None:
        """Send a message about a start whose keeper is unknown."""
        for link in self._links.values():
            link.send(message)

    def reconnect_soon(self) -> None:
        """Reconnect after a pause, because something could not be settled now; the pause grows each time."""
        now = clock.real_seconds()
        if now - self._again_asked > 2 * LONGEST_AGAIN_SECONDS:
            self._again_seconds = FIRST_AGAIN_SECONDS
        self._again_asked = now
        if self._again is None:
            self._again = clock.real_call_later(self._again_seconds, self.reconnect)
            self._again_seconds = min(self._again_seconds * 2, LONGEST_AGAIN_SECONDS)

    def reconnect(self) -> None:
        """End all connections, so that new hellos list the keepers' runs."""
        if self._again is not None:
            self._again.cancel()
            self._again = None
        for link in self._links.values():
            link.hang_up()

    async def run(self, receiver: Receiver) -> None:
        """Attend to all keepers until cancelled."""
        async with anyio.create_task_group() as tasks:
            for path in self._sockets.live():
                self._open(path, receiver, tasks, is_found=True)
            while True:
                self._changed = anyio.Event()
                self._choose(receiver, tasks)
                if self.current is not None:
                    self._came.set()
                    self._came = anyio.Event()
                    await receiver.keepers_changed()
                await self._wait_for_change()

    async def _wait_for_change(self) -> None:
        if self._chosen is not None:
            await self._changed.wait()
            return
        with clock.real_move_on_after(PATIENCE_SECONDS if self._is_patient else None) as waiting:
            await self._changed.wait()
        self._is_patient = not waiting.cancelled_caught

    # -- the choice of a keeper ---------------------------------------------------------------------------

    def _choose(self, receiver: Receiver, tasks: TaskGroup) -> None:
        """Choose the keeper for new starts, unless one is chosen; dismiss the others."""
        if self._chosen is None:
            self._chosen = self._best(receiver, tasks)
            if self._chosen is None:
                return
            log.info("new jobs start under this keeper", socket=str(self._chosen.path))
        for link in self.former:
            if link.is_up:
                link.let_go()

    def _best(self, receiver: Receiver, tasks: TaskGroup) -> Link | None:
        """Return a keeper of our build, else a fresh one, else one that at least has our protocol version."""
        answering = [link for link in self._links.values() if link.is_up]
        for link in answering:
            if self._speaks_ours(link) and not self._is_outdated(link):
                return link
        if self._is_patient and len(answering) < len(self._links):
            return None
        free = self._sockets.free(self._links)
        if free is not None:
            return self._open(free, receiver, tasks, is_found=False)
        idle = [link for link in answering if self._was_found(link) and not link.kept]
        if idle:
            idle[0].let_go()  # this frees its place
            return None
        usable = [link for link in answering if self._speaks_ours(link)]
        if usable:
            return usable[0]
        self._report_down(receiver, _why_none_fits(answering, self._release.version))
        for link in answering:
            if self._was_found(link):
                link.let_go()
        return None

    def _speaks_ours(self, link: Link) -> bool:
        """Return whether it accepts our start orders."""
        return link.hello is not None and link.hello.version == self._release.version

    def _is_outdated(self, link: Link) -> bool:
        """Return whether it runs code that is not installed, and was not started on our demand."""
        return self._was_found(link) and link.hello is not None and link.hello.build != self._release.build

    def _was_found(self, link: Link) -> bool:
        """Return whether it was alive when this daemon started: only these may have another release."""
        return link.hello is not None and link.hello.pid in self._found_pids

    def _report_down(self, receiver: Receiver, cause: str) -> None:
        if self.cause is None:
            self.down_us = clock.now_us()
        self.cause = cause
        log.warning("no job can start", cause=cause)
        receiver.keeper_down(cause)

    # -- one keeper ---------------------------------------------------------------------------------------

    def _open(self, path: Path, receiver: Receiver, tasks: TaskGroup, *, is_found: bool) -> Link:
        link = self._links[path] = self._connect_to(path)
        tasks.start_soon(self._attend, link, receiver, is_found)
        return link

    async def _attend(self, link: Link, receiver: Receiver, is_found: bool) -> None:
        """Stay connected to the keeper behind a socket: the chosen one always, others until they are gone."""
        pause_seconds = FIRST_PAUSE_SECONDS
        while link is self._chosen or (not link.is_let_go and self._sockets.is_alive(link.path)):
            try:
                await self._connect(link)
            except (OSError, KeeperNotStartedError, ValueError, RecursionError) as error:
                self._failed(link, receiver, error)
                await clock.real_sleep(pause_seconds)  # each attempt waits longer
                pause_seconds = min(pause_seconds * 2, LONGEST_PAUSE_SECONDS)
                continue
            pause_seconds = FIRST_PAUSE_SECONDS
            if is_found and link.hello is not None:
                self._found_pids.add(link.hello.pid)
            is_found = False
            await self._converse(link, receiver)
        del self._links[link.path]
        self._sockets.clear(link.path)
        log.info("a keeper is gone", socket=str(link.path))
        self._changed.set()

    async def _connect(self, link: Link) -> None:
        if link is self._chosen:
            await self._sockets.start_keeper(link.path)
        hello = await link.connect()
        if link is self._chosen and not self._speaks_ours(link):
            self._chosen = None
        log.info(
            "connected to a keeper",
            pid=hello.pid,
            version=hello.version,
            build=hello.build,
            runs=len(hello.runs),
        )

    async def _converse(self, link: Link, receiver: Receiver) -> None:
        """Receive messages until the connection ends."""
        try:
            await receiver.keeper_up(link)
            link.is_up = True
            self._changed.set()
            await link.listen(partial(receiver.keeper_said, link))
        finally:
            link.forget()
        log.warning("a keeper's connection ended", socket=str(link.path))
        if link is self._chosen:
            self._report_down(receiver, "the connection to the keeper ended")
        self._changed.set()

    def _failed(self, link: Link, receiver: Receiver, error: Exception) -> None:
        if link is self._chosen:
            self._report_down(receiver, f"the keeper cannot be reached at {link.path}: {error}")
        else:
            log.warning("a keeper cannot be reached", socket=str(link.path), cause=str(error))


def _why_none_fits(answering: list[Link], version: int) -> str:
    text = ", ".join(f"pid {link.hello.pid} version {link.hello.version}" for link in answering if link.hello)
    if not text:
        return "the keeper does not answer"
    return (
        f"this daemon speaks version {version} of the keepers' protocol and all keepers another ({text}): "
        "what they keep goes on, and jobs start when one of them keeps nothing more; "
        "if lockside was upgraded, restart the daemon"
    )
