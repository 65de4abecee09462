"""The keeper itself: the table of runs, the orders of the daemon, the ends of children.

How a run lives is told in `run`.
"""

import errno
import os
import socket
import zlib
from collections import deque
from collections.abc import Callable
from typing import Any

from locksided.keeper import clock, listener, outcome, wire
from locksided.keeper.connection import DaemonConnection
from locksided.keeper.journal import Journal
from locksided.keeper.loop import Loop, Timer
from locksided.keeper.messages import Hello, KeptRun, LogGrown, ProcessName, Refused
from locksided.keeper.notes import Notes
from locksided.keeper.run import Run
from locksided.keeper.start import order
from locksided.keeper.start.claim import BURNT, STARTED, Claims
from locksided.keeper.start.direct import Direct
from locksided.keeper.start.mounts import Mounts
from locksided.keeper.start.order import BadOrder, Order
from locksided.keeper.start.spares import SpareFolders
from locksided.keeper.start.spawn import Inherited
from locksided.keeper.surroundings import Surroundings
from locksided.keeper.tree import mark, proc
from locksided.keeper.tree.cgroups import make_tree
from locksided.keeper.tree.combined_tree import WholeTree
from locksided.keeper.tree.hierarchy import Hierarchy
from locksided.keeper.tree.reaping import Reaping
from locksided.keeper.tree.scan import Family, ScanTree
from locksided.keeper.tree.tree import Tree
from locksided.keeper.wire import BadLine, Message

ACCEPT_AGAIN_SECONDS = 1.0
MAX_OUTCOMES_BYTES = 16 * 1024 * 1024
"""Of all outcomes in a hello: a daemon does not take a line of any length."""


class Keeper:
    """Keeps runs until their outcomes are acknowledged, with or without a daemon."""

    def __init__(
        self,
        loop: Loop,
        journal: Journal,
        listening: socket.socket,
        hierarchy: Hierarchy | None,
        inherited: Inherited,
        linger_seconds: float,
        build: str,
    ) -> None:
        self._loop = loop
        self._journal = journal
        self._listening = listening
        self._hierarchy = hierarchy
        self._linger_seconds = linger_seconds
        self._build = build
        self._family = Family(is_everyone=hierarchy is None)
        self._runs: dict[str, Run | Reaping] = {}
        self._run_of_pid: dict[int, Run] = {}
        self._connection: DaemonConnection | None = None
        self._has_greeted = False
        self._untold: deque[str] = deque()
        self._claims = Claims()
        self._notes = Notes(loop)
        self._spares = SpareFolders()
        self._is_leaving = False
        self._is_reaping = False
        self._linger: Timer | None = None
        self._around = Surroundings(
            loop=loop,
            journal=journal,
            notes=self._notes,
            spares=self._spares,
            tell=self._tell,
            ended=self._run_ended,
            wait_for_ended=self._wait_for_ended,
            null_fd=os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC),
            inherited=inherited,
            direct=Direct(inherited, Mounts(loop)),
            boot_id=clock.boot_id(),
        )
        self._operations: dict[str, Callable[[Message], None]] = {
            "hello": self._hello,
            "start": self._start,
            "stop": lambda message: self._with_run(message, lambda run: run.stop("terminate")),
            "pause": lambda message: self._with_run(message, lambda run: run.pause()),
            "resume": lambda message: self._with_run(message, lambda run: run.resume()),
            "ack": self._acknowledge,
            "watch": self._watch,
            "reap": self._reap,
            "shutdown": lambda _: self.leave(),
        }
        loop.watch(listening.fileno(), self._accept)
        self._consider_leaving()

    # The daemon

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

    def _become_current(self, connection: DaemonConnection) -> None:
        """Serve this daemon from now on. Who connects and says nothing takes nobody's place."""
        before, self._connection = self._connection, connection
        self._has_greeted = False
        self._notes.nobody_listens()
        if before is not None:
            before.close()
        self._consider_leaving()

    def _accept_later(self, error: OSError) -> None:
        """No descriptor is left: end the old connection, as the new one would, or wait for a moment."""
        self._journal.write("connection not accepted", error=str(error))
        if self._connection is not None:
            self._connection.close()
            return
        listening = self._listening.fileno()
        self._loop.forget(listening)
        self._loop.after(ACCEPT_AGAIN_SECONDS, lambda: self._loop.watch(listening, self._accept))

    def _disconnected(self, connection: DaemonConnection) -> None:
        if connection is self._connection:
            self._connection = None
            self._notes.nobody_listens()
            self._consider_leaving()

    def _tell(self, message: Any) -> None:
        """Say something to the daemon, if it is there; what it misses it finds in the next hello."""
        if self._connection is not None and self._has_greeted:
            self._connection.send(message)

    def _take_line(self, connection: DaemonConnection, line: bytes) -> None:
        try:
            message = wire.decode(line)
            if connection is not self._connection:
                self._become_current(connection)
            self._operations[message["op"]](message)
        except (BadLine, BadOrder, KeyError) as error:
            self._journal.write("line not understood", error=repr(error))

    def _hello(self, _message: Message) -> None:
        for run in self._runs.values():
            run.record()
        self._has_greeted = True
        self._notes.somebody_listens()
        self._untold.clear()
        strays = self._family.strays()[: outcome.MAX_REPORTED_PROCESSES]
        self._tell(
            Hello(
                wire.VERSION,
                os.getpid(),
                runs=self._described_runs(),
                build=self._build,
                start_ticks=proc.start_ticks(os.getpid()),
                boot_id=self._around.boot_id,
                cgroups=self._hierarchy is not None,
                strays=tuple(ProcessName(stray.pid, stray.name) for stray in strays),
            )
        )
        for run in self._runs.values():
            if isinstance(run, Run):
                run.tell_leftovers()

    def _described_runs(self) -> tuple[KeptRun, ...]:
        """The runs for a hello. An outcome that has no room in it is told once another is acknowledged."""
        described = []
        room = MAX_OUTCOMES_BYTES
        for run in self._runs.values():
            one = run.describe()
            if run.outcome is not None:
                room -= len(wire.encode(run.outcome))
                if room < 0:
                    self._untold.append(run.token)
                    one = one._replace(state="stopping", outcome=None)
            described.append(one)
        return tuple(described)

    def _tell_next(self) -> None:
        while self._untold:
            run = self._runs.get(self._untold.popleft())
            if run is not None:
                run.tell_state()
                return

    def _with_run(self, message: Message, act: Callable[[Run | Reaping], None]) -> None:
        run = self._runs.get(order.token_of(message))
        if run is not None:
            act(run)

    def _watch(self, message: Message) -> None:
        token, seq = order.token_of(message), order.seq_of(message)
        run = self._runs.get(token)
        if run is not None:
            run.watch(seq)
        else:
            self._tell(LogGrown(token, seq, complete=True))

    def _acknowledge(self, message: Message) -> None:
        token = order.token_of(message)
        run = self._runs.get(token)
        if run is not None and run.outcome is not None:
            del self._runs[token]
            self._notes.forget(token)
            self._tell_next()
            self._consider_leaving()

    # Starts

    def _start(self, message: Message) -> None:
        token = order.token_of(message)
        known = self._runs.get(token)
        if known is not None:
            known.tell_state()
            return
        try:
            parsed = order.parse(message)
        except BadOrder as error:
            self._refuse(token, "program", errno.EINVAL, str(error))
            return
        if self._is_leaving:
            self._refuse(token, "system", errno.ESHUTDOWN, "the keeper is being stopped")
        elif self._may_start(parsed):
            self._begin(parsed)

    def _may_start(self, parsed: Order) -> bool:
        """Decide the token; False, and told, if nothing may run."""
        try:
            first = self._claims.claim(parsed.folder, STARTED)
        except OSError as error:
            self._refuse(parsed.token, "system", error.errno or 0, f"claim: {error.strerror}")
            return False
        if first is not None:
            kind, message = (
                ("burnt", "revoked") if first == BURNT else ("claimed", "started by another keeper")
            )
            self._refuse(parsed.token, kind, errno.EEXIST, message)
        return first is None

    def _begin(self, parsed: Order) -> None:
        run = Run(parsed, self._make_tree(parsed), self._around)
        self._runs[parsed.token] = run
        run.start()
        self._run_of_pid.update((pid, run) for pid in run.child_pids)

    def _make_tree(self, parsed: Order) -> Tree:
        own_mark = mark.of_folder(parsed.folder)
        if self._hierarchy is not None:
            name, home_fd = cgroup_name(parsed.token, parsed.folder), self._hierarchy.home_fd

            def whole(path: str) -> WholeTree:
                descendants = ScanTree(self._family, parsed.token, own_mark, None)
                return WholeTree(self._loop, path, home_fd, descendants)

            try:
                return make_tree(self._hierarchy, name, parsed.memory_bytes, parsed.cpus, whole)
            except OSError as error:
                self._journal.write("no cgroup", token=parsed.token, error=str(error))
        return ScanTree(self._family, parsed.token, own_mark, parsed.memory_bytes)

    def _reap(self, message: Message) -> None:
        parsed = order.parse_reap(message)
        known = self._runs.get(parsed.token)
        if known is not None:
            known.tell_state()
            return
        try:
            first = self._claims.claim(parsed.folder, BURNT)
        except OSError as error:
            self._journal.write("run not reaped", token=parsed.token, error=str(error))
            return
        if first in (None, BURNT):
            self._refuse(parsed.token, "burnt", errno.EEXIST, "it was never started")
            return
        reaping = Reaping(parsed, self._around, self._hierarchy, cgroup_name(parsed.token, parsed.folder))
        self._runs[parsed.token] = reaping
        reaping.begin()

    def _refuse(self, token: str, kind: str, number: int, message: str) -> None:
        """Nothing was claimed, so nothing is kept of it."""
        self._tell(Refused(token, kind, message, number))

    # Ends

    def reap_children(self) -> None:
        """Wait for every child that has ended; orphans of jobs are among them."""
        self._wait_for_ended()
        for run in [run for run in self._runs.values() if run.looks_for_orphans]:
            run.advance()

    def _wait_for_ended(self) -> None:
        """Count what has ended. A run that ends meanwhile asks for the same, which is being done then."""
        if self._is_reaping:
            return
        self._is_reaping = True
        try:
            self._wait_for_all()
        finally:
            self._is_reaping = False

    def _wait_for_all(self) -> None:
        while (pid := _ended_child()) is not None:
            orphan_of = None if pid in self._run_of_pid else self._family.owner_of(pid)
            _, status, used = os.wait4(pid, 0)
            leader_of = self._run_of_pid.pop(pid, None)
            if leader_of is not None:
                leader_of.child_ended(pid, status, used)
            elif isinstance(bereaved := self._runs.get(orphan_of or ""), Run):
                bereaved.orphan_ended(used)

    def _run_ended(self) -> None:
        self._consider_leaving()

    # Leaving

    def leave(self) -> None:
        """Stop every run for the machine's sake, record the outcomes, then end."""
        self._journal.write("stopping", runs=len(self._runs))
        self._is_leaving = True
        for run in list(self._runs.values()):
            run.stop("machine")
        self._consider_leaving()

    def _consider_leaving(self) -> None:
        if self._linger is not None:
            self._linger.cancel()
            self._linger = None
        if self._is_leaving:
            if all(run.outcome is not None for run in self._runs.values()):
                self._end()
        elif self._connection is None and all(run.is_recorded for run in self._runs.values()):
            # What ended meanwhile is in its folder, where the next daemon reads it.
            self._linger = self._loop.after(self._linger_seconds, self._end)

    def _end(self) -> None:
        self._notes.nobody_listens()
        self._spares.remove()
        if self._connection is not None:
            self._connection.say_last_words()
        self._loop.stop()


def _ended_child() -> int | None:
    """A child that has ended and can still be looked at, since nobody has waited for it."""
    try:
        ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return None
    return None if ended is None else ended.si_pid


def cgroup_name(token: str, folder: str) -> str:
    """The name of a run's cgroup: tokens of two daemons may be equal, control folders are not."""
    return f"{token}-{zlib.crc32(os.fsencode(folder)):08x}"
