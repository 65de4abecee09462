"""The keeper itself: the table of runs, the daemon's orders, the ends of children.

`run` describes the life of a run.
"""

import errno
import os
import socket
from collections import deque
from collections.abc import Callable
from typing import Any

from locksided.keeper import outcome, wire
from locksided.keeper.children import Children, cgroup_name
from locksided.keeper.journal import Journal
from locksided.keeper.loop import Loop, Timer
from locksided.keeper.messages import Hello, KeptRun, LogGrown, ProcessName, Refused
from locksided.keeper.notes import Notes
from locksided.keeper.port import Port
from locksided.keeper.run import Run
from locksided.keeper.start import order
from locksided.keeper.start.claim import BURNT, STARTED, Claims
from locksided.keeper.start.order import BadOrder, Order
from locksided.keeper.start.spawn import Inherited
from locksided.keeper.surroundings import Surroundings, surroundings
from locksided.keeper.tree import proc
from locksided.keeper.tree.hierarchy import Hierarchy
from locksided.keeper.tree.reaping import Reaping
from locksided.keeper.wire import Message

MAX_OUTCOMES_BYTES = 16 * 1024 * 1024
"""The limit of all outcomes in a hello: a daemon limits the length of lines."""


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
        self._hierarchy = hierarchy
        self._linger_seconds = linger_seconds
        self._build = build
        self._runs: dict[str, Run | Reaping] = {}
        self._children = Children(loop, journal, hierarchy, self._runs)
        self._unreported: deque[str] = deque()
        self._claims = Claims()
        self._notes = Notes(loop)
        self._is_leaving = False
        self._linger: Timer | None = None
        self._around: Surroundings = surroundings(
            loop, journal, self._notes, inherited, self._tell, self._run_ended, self._children.wait_for_ended
        )
        operations: dict[str, Callable[[Message], None]] = {
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
        self._port = Port(loop, journal, listening, operations, self._daemon_changed)
        self._consider_leaving()

    # The daemon

    def _daemon_changed(self) -> None:
        """Note that a daemon connected and has not sent its hello yet, or that one has gone."""
        self._notes.nobody_listens()
        self._consider_leaving()

    def _tell(self, message: Any) -> None:
        self._port.tell(message)

    def _hello(self, _message: Message) -> None:
        for run in self._runs.values():
            run.record()
        self._notes.somebody_listens()
        self._unreported.clear()
        strays = self._children.family.strays()[: outcome.MAX_REPORTED_PROCESSES]
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
        """Return the runs for a hello. An outcome that does not fit is sent after another is acknowledged."""
        described = []
        room = MAX_OUTCOMES_BYTES
        for run in self._runs.values():
            one = run.describe()
            if run.outcome is not None:
                room -= len(wire.encode(run.outcome))
                if room < 0:
                    self._unreported.append(run.token)
                    one = one._replace(state="stopping", outcome=None)
            described.append(one)
        return tuple(described)

    def _tell_next(self) -> None:
        while self._unreported:
            run = self._runs.get(self._unreported.popleft())
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
        """Claim the token; if nothing may run, report a refusal and return False."""
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
        run = self._runs[parsed.token] = self._children.new_run(parsed, self._around)
        self._children.start(run)

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
        """Report a refusal. Nothing was claimed, so nothing is stored."""
        self._tell(Refused(token, kind, message, number))

    # Ends

    def reap_children(self) -> None:
        """Wait for all children that have ended."""
        self._children.reap()

    def _run_ended(self) -> None:
        self._consider_leaving()

    # Leaving

    def leave(self) -> None:
        """Stop all runs with the reason `machine`, record the outcomes, then end."""
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
        elif not self._port.is_connected and all(run.is_recorded for run in self._runs.values()):
            # Ended runs are recorded in their folders, where the next daemon reads them.
            self._linger = self._loop.after(self._linger_seconds, self._end)

    def _end(self) -> None:
        self._notes.nobody_listens()
        self._around.spares.remove()
        self._port.say_last_words()
        self._loop.stop()
