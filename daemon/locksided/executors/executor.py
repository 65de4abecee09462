"""The executor itself: the table of runs on other machines, the orders of the daemon, and their outcomes.

Files are authoritative: the claim for the start, the outcome for the end, the lease for being alive. The
engine's reports only add to them.
"""

import errno
import socket
from collections.abc import Callable
from typing import Any

from locksided.executors.engine import Engine
from locksided.executors.orders import BadPlace, engine_order, hand_on, hand_over, record_of
from locksided.executors.records import Phase, Records
from locksided.executors.remote_run import RemoteRun, hello
from locksided.executors.submissions import Submissions
from locksided.executors.watching import Watching
from locksided.executors.work_root import WorkRoot
from locksided.keeper import clock, remote
from locksided.keeper.journal import Journal
from locksided.keeper.loop import Loop, Timer
from locksided.keeper.messages import LogGrown, Progress, Refused, Started
from locksided.keeper.port import Port
from locksided.keeper.start import order
from locksided.keeper.start.order import BadOrder
from locksided.keeper.wire import Message

TICK_SECONDS = 1.0
LEASE_TICKS, QUEUED_TICKS = 5, 60
"""The ticks between checks of a run's own folder: any user can write to the inbox and keep an entry out."""
KILL_SECONDS = 30.0
"""The time after the deadline of a stop until the engine is told to kill."""


class Executor:
    """Owns runs until their outcomes are acknowledged, with or without a daemon."""

    def __init__(
        self,
        loop: Loop,
        journal: Journal,
        listening: socket.socket,
        engine: Engine,
        records: Records,
        linger_seconds: float,
        build: str,
    ) -> None:
        self._loop = loop
        self._journal = journal
        self._engine = engine
        self._records = records
        self._linger_seconds = linger_seconds
        self._build = build
        self._runs: dict[str, RemoteRun] = {}
        self._roots: dict[str, WorkRoot] = {}
        self._linger: Timer | None = None
        self._is_ticking = False
        self._ticks = 0
        self._submissions = Submissions(
            loop, engine, self._taken, self._refused, self._given_up, self._not_taken
        )
        self._watching = Watching(
            loop,
            journal,
            engine,
            self._submissions,
            self._runs,
            self._conclude,
            self._resubmit,
            self._take_back,
            self._tell,
        )
        operations: dict[str, Callable[[Message], None]] = {
            "hello": self._hello,
            "start": self._start,
            "stop": lambda message: self._with_run(message, self._stop),
            "pause": lambda message: self._with_run(message, lambda run: self._pause(run, True)),
            "resume": lambda message: self._with_run(message, lambda run: self._pause(run, False)),
            "ack": lambda message: self._with_run(message, self._acknowledge),
            "watch": self._watch,
            "reap": self._reap,
            "list": lambda message: self._watching.list_named(str(message.get("prefix"))),
            "shutdown": lambda _: self.leave(),
        }
        self._port = Port(loop, journal, listening, operations, self._consider_leaving)
        self._load()
        self._consider_leaving()

    def _load(self) -> None:
        """Take over the runs of the previous executor: by their files, then by their names in the engine."""
        for record in self._records.load():
            run = self._runs[record.token] = RemoteRun(record)
            asked = engine_order(record, self._root(record.work_root))
            self._engine.adopt(asked)
            self._look(run)
            if run.phase is Phase.SUBMITTING:
                self._submissions.add(asked, was_sent=True)
        self._tick_soon()

    # The daemon

    def _tell(self, message: Any) -> None:
        self._port.tell(message)

    def _hello(self, _message: Message) -> None:
        made = hello(self._engine, self._runs.values(), self._build)
        self._tell(made)
        self._watching.tell_again()
        for one in made.runs:
            if one.outcome is None and self._runs[one.token].is_settled:
                self._tell_state(self._runs[one.token])

    def _with_run(self, message: Message, act: Callable[[RemoteRun], None]) -> None:
        run = self._runs.get(order.token_of(message))
        if run is not None:
            act(run)

    def _acknowledge(self, run: RemoteRun) -> None:
        if run.is_settled:
            self._forget(run)

    def _forget(self, run: RemoteRun) -> None:
        del self._runs[run.token]
        self._submissions.drop(run.token)
        if self._submissions.is_idle:
            self._watching.engine_up("submit")  # nobody retries any more: the next start does
        self._records.remove(run.token)
        remote.forget(run.record.work_root, run.token)
        self._consider_leaving()

    # Starts

    def _start(self, message: Message) -> None:
        token = order.token_of(message)
        known = self._runs.get(token)
        if known is not None:
            self._tell_state(known)
            return
        try:
            order.parse(message)
            record = record_of(message)
            root = self._root(record.work_root)
            root.prepare()
            if remote.claim_of(record.folder) is None:
                hand_over(message, record, self._engine.variables)
            self._records.save(record)
        except (BadOrder, BadPlace) as error:
            self._tell(Refused(token, "program", str(error), errno.EINVAL))
            return
        except OSError as error:
            self._tell(Refused(token, "system", f"{error.filename}: {error.strerror}", error.errno or 0))
            return
        self._runs[token] = RemoteRun(record)
        self._watching.tell_remote(self._runs[token], "submitting")
        add = self._submissions.add_later if hand_on(message, record) else self._submissions.add
        add(engine_order(record, root))
        self._tick_soon()

    def _root(self, path: str) -> WorkRoot:
        return self._roots.setdefault(path, WorkRoot(path))

    def _taken(self, token: str, name: str, ids: Any, tries: int) -> None:
        """Note that the engine accepted it. If the run is no longer wanted, its submission is cancelled."""
        self._watching.engine_up("submit", "status")
        run = self._runs.get(token)
        if run is None or run.outcome is not None:
            self._watching.cancel(ids, name.removesuffix(token))
            return
        run.record.ids += [id_ for id_ in ids if id_ not in run.record.ids]
        run.record.retries += tries
        run.record.submitted_us = run.record.submitted_us or clock.wall_us()
        self._save(run)
        if run.phase is Phase.SUBMITTING:
            run.phase = Phase.QUEUED
            self._watching.tell_remote(run, "queued")
        elif run.phase is Phase.RUNNING:
            self._cancel_others(run)
        self._watching.soon()

    def _cancel_others(self, run: RemoteRun) -> None:
        """Cancel the other submissions after one has claimed the run: they can never run."""
        if run.engine_id in run.record.ids:
            others = [id_ for id_ in run.record.ids if id_ != run.engine_id]
            self._watching.cancel(others, run.prefix, run)

    def _not_taken(self, words: str) -> None:
        """Note that the engine accepts nothing now; submissions are retried automatically."""
        self._watching.engine_down("submit", words)

    def _refused(self, token: str, words: str) -> None:
        self._take_back(token, "program", words)

    def _given_up(self, token: str, words: str) -> None:
        self._watching.engine_up("submit")  # the daemon will soon try another start in the pool
        self._take_back(token, "system", words)

    def _take_back(self, token: str, kind: str, words: str) -> None:
        """Burn the token and refuse the run, unless it has started."""
        run = self._runs.get(token)
        if run is None:
            return
        try:
            is_burnt = remote.burn(run.record.folder)
        except OSError as error:
            self._journal.write("token not burnt", token=token, error=str(error))
            self._loop.after(TICK_SECONDS, lambda: self._take_back(token, kind, words))
            return
        if is_burnt:
            self._watching.cancel(run.record.ids, run.prefix, run)
            if kind == "program":
                self._watching.tell_remote(run, "refused", words)
            self._forget(run)
            self._tell(Refused(token, kind, words))
        else:
            self._look(run)

    def _resubmit(self, run: RemoteRun) -> None:
        """Submit again: the engine no longer knows it, and nothing was started."""
        run.record.ids.clear()
        self._save(run)
        self._submissions.add(engine_order(run.record, self._root(run.record.work_root)), was_sent=True)

    # Stops

    def _stop(self, run: RemoteRun) -> None:
        if run.outcome is not None:
            return
        run.record.stop = True
        self._save(run)
        self._ask(run)
        if run.phase is not Phase.RUNNING:
            self._take_back(run.token, "burnt", "revoked")
        if run.token in self._runs:
            grace_seconds = float(run.record.order.get("graceSeconds") or 0)
            run.kill_at = clock.boot_seconds() + remote.LEASE_SECONDS + grace_seconds + KILL_SECONDS
            self._watching.signal(run, "stop")

    def _pause(self, run: RemoteRun, is_paused: bool) -> None:
        run.record.paused = is_paused
        self._save(run)
        self._ask(run)
        self._watching.signal(run, "pause" if is_paused else "resume")
        self._tell({"op": "paused" if is_paused else "resumed", "token": run.token})

    def _ask(self, run: RemoteRun) -> None:
        try:
            if run.outcome is None and run.token in self._runs:
                run.ask()
        except OSError as error:
            self._journal.write("not asked", token=run.token, error=str(error))
            self._loop.after(TICK_SECONDS, lambda: self._ask(run))

    def _reap(self, message: Message) -> None:
        """Stop a run of which this executor has no record, by the claim in its folder."""
        token = order.token_of(message)
        if token in self._runs:
            self._tell_state(self._runs[token])
            return
        try:
            if remote.burn(order.parse_reap(message).folder):
                self._tell(Refused(token, "burnt", "it was never started", errno.EEXIST))
                return
            record = record_of(message)
            run = self._runs[token] = RemoteRun(record)
            self._look(run)
        except (OSError, BadPlace) as error:
            self._journal.write("run not reaped", token=token, error=str(error))
            return
        self._stop(run)
        self._tick_soon()

    # What the folders say

    def _tick_soon(self) -> None:
        if self._runs and not self._is_ticking:
            self._is_ticking = True
            self._loop.after(TICK_SECONDS, self._tick)

    def _tick(self) -> None:
        """Check the inboxes, and less often the leases, while there are runs."""
        self._is_ticking = False
        self._ticks += 1
        for path in {run.record.work_root for run in self._runs.values()}:
            self._look_at_inbox(self._root(path))
        for run in list(self._runs.values()):
            if run.phase is Phase.RUNNING:
                self._look_after(run)
            elif self._ticks % QUEUED_TICKS == 0:
                self._look(run)
        self._tick_soon()

    def _look_at_inbox(self, root: WorkRoot) -> None:
        try:
            entries = root.entries()
        except OSError as error:
            self._journal.write("inbox not read", path=root.path, error=str(error))
            return
        for token, what in entries:
            run = self._runs.get(token)
            if run is not None and (run.phase in (Phase.SUBMITTING, Phase.QUEUED) or what == remote.OVER):
                self._look(run)

    def _look_after(self, run: RemoteRun) -> None:
        if run.watched_seq is not None:
            self._look_at_log(run, run.watched_seq)
        if self._ticks % LEASE_TICKS == 0:
            self._look(run)
            said, was_quiet = run.progress, run.is_quiet
            run.look_at_lease()
            if run.progress != said:
                self._tell(Progress(run.token, run.progress))
            if run.is_quiet:
                self._watching.quiet()
                if not was_quiet:
                    self._save(run)  # a successor of this process need not wait again
            if run.is_lease_over:
                self._watching.lease_over(run)
        if run.kill_at is not None and clock.boot_seconds() > run.kill_at:
            run.kill_at = None
            self._watching.cancel(run.record.ids, run.prefix, run)

    def _look(self, run: RemoteRun) -> None:
        """Read the run's progress from its folder, and report a change."""
        before = run.phase
        try:
            run.look()
        except OSError as error:
            self._journal.write("folder not read", token=run.token, error=str(error))
            return
        if run.phase is before:
            return
        if run.phase is Phase.RUNNING:
            self._submissions.drop(run.token)
        self._cancel_others(run)
        if run.phase is Phase.ENDED:
            if before is not Phase.RUNNING and run.started.get("pid") is not None:
                self._tell_started(run)
            self._watching.ended(run)
        else:
            self._tell_state(run)

    def _conclude(self, run: RemoteRun) -> None:
        """Store and report the settled outcome."""
        if run.record.outcome is not None:
            self._save(run)
        self._tell_state(run)

    def _tell_state(self, run: RemoteRun) -> None:
        if run.outcome is not None and run.is_settled:
            self._tell_end(run, run.outcome)
        elif run.phase is Phase.RUNNING:
            self._tell_started(run)

    def _tell_started(self, run: RemoteRun) -> None:
        kept = run.describe()
        self._tell(Started(run.token, kept.pid, kept.spawn_time))
        self._watching.tell_remote(run, "running")

    def _tell_end(self, run: RemoteRun, made: Message) -> None:
        self._watching.tell_remote(run, "ended")
        refused = made.get("refused")
        if isinstance(refused, dict) and refused.get("kind") != "burnt":
            self._tell({**refused, "op": "refused", "token": run.token})
        else:
            self._tell({"op": "ended", "token": run.token, "outcome": made})

    # Logs

    def _watch(self, message: Message) -> None:
        token, seq = order.token_of(message), order.seq_of(message)
        run = self._runs.get(token)
        if run is None or run.outcome is not None:
            self._tell(LogGrown(token, seq, complete=True))
        else:
            run.watch(seq)

    def _look_at_log(self, run: RemoteRun, seq: int) -> None:
        try:
            end = run.log_end()
        except OSError:
            return
        if end is not None and end > seq:
            run.watched_seq = None
            self._tell(LogGrown(run.token, end, complete=False))

    # Small parts

    def _save(self, run: RemoteRun) -> None:
        try:
            self._records.save(run.record)
        except OSError as error:
            self._journal.write("record not written", token=run.token, error=str(error))

    def leave(self) -> None:
        """Leave; the runs continue, and the next executor takes them over."""
        self._port.say_last_words()
        self._loop.stop()

    def _consider_leaving(self) -> None:
        """Leave after a while if there is neither a daemon nor a run."""
        if self._linger is not None:
            self._linger.cancel()
            self._linger = None
        if not self._port.is_connected and not self._runs:
            self._linger = self._loop.after(self._linger_seconds, self._loop.stop)
