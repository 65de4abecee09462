"""The engine's reports about an executor's runs, and their consequences beside those of the folders."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from locksided.executors.commands import Commands
from locksided.executors.engine import Engine, State, Status
from locksided.executors.records import Phase
from locksided.executors.remote_run import RemoteRun
from locksided.executors.submissions import Submissions
from locksided.keeper import clock
from locksided.keeper.journal import Journal
from locksided.keeper.loop import Loop, Timer
from locksided.keeper.messages import Down, Remote

QUEUED_SECONDS = 15.0
RUNNING_SECONDS = 60.0
SOONEST_SECONDS = 5.0
LARGEST_SHARE = 20
"""The engine is busy with status requests for at most one in so many seconds."""
HOPELESS_SECONDS = 60.0
SURE = 2
"""The consecutive reports, or unknown answers, that are taken as certain."""
MOST_WORDS = 12
"""The reports that a run still runs after its runner recorded the end, until they are ignored."""

STOPPED: Mapping[State, Mapping[str, Any]] = {
    State.CANCELLED: {"stopped": "terminate"},
    State.TIMEOUT: {"stopped": "timeout"},
    State.OUT_OF_MEMORY: {"outOfMemory": True},
    State.PREEMPTED: {"stopped": "machine", "preempted": True},
}
"""The additions to the outcome of a run that its engine ended."""


class Watching(Commands):
    """Asks the engine as rarely as possible, and concludes runs that have no outcome of their own."""

    def __init__(
        self,
        loop: Loop,
        journal: Journal,
        engine: Engine,
        submissions: Submissions,
        runs: Mapping[str, RemoteRun],
        conclude: Callable[[RemoteRun], None],
        resubmit: Callable[[RemoteRun], None],
        take_back: Callable[[str, str, str], None],
        tell: Callable[[Any], None],
    ) -> None:
        super().__init__(loop, journal, engine, runs, tell)
        self._submissions = submissions
        self._conclude = conclude
        self._resubmit = resubmit
        self._take_back = take_back
        self._timer: Timer | None = None
        self._due = 0.0
        self._asked_seconds = 0.0
        self._took_seconds = 0.0
        self._is_asking = False
        self.checks = 0
        self.failed_checks = 0
        self._checked_us: int | None = None
        self._downs: dict[str, str] = {}
        """Why the engine accepts nothing, by what has failed: `submit` or `status`."""
        self._down_us = 0
        self._silence = ""
        """The message of jobs while it does not answer."""

    # Status requests

    def soon(self) -> None:
        """Schedule the next status request."""
        if self._engine.knows_status and not self._is_asking and self._runs:
            is_queued = any(run.phase is Phase.QUEUED for run in self._runs.values())
            self._ask_in(QUEUED_SECONDS if is_queued else RUNNING_SECONDS)

    def _ask_in(self, seconds: float) -> None:
        least = max(SOONEST_SECONDS, self._took_seconds * LARGEST_SHARE)
        due = max(
            self._asked_seconds + least, min(self._asked_seconds + seconds, clock.boot_seconds() + seconds)
        )
        if self._timer is not None and self._due <= due:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._due = due
        self._timer = self._loop.after(max(due - clock.boot_seconds(), 0), self._ask)

    def _ask(self) -> None:
        self._timer = None
        ids = [id_ for run in self._unsettled() for id_ in run.record.ids]
        if not ids:
            return
        self._is_asking = True
        self._asked_seconds = clock.boot_seconds()
        self._worker.do(lambda: self._statuses(ids), self._answered)

    def _statuses(self, ids: Sequence[str]) -> Mapping[str, Status]:
        """Return the engine's status; called in the worker's thread. Raises NotNow."""
        statuses = dict(self._engine.status(ids))
        queued = [id_ for id_, one in statuses.items() if one.state in (State.QUEUED, State.UNTOLD)]
        for id_, why in self._engine.why(queued).items() if queued else ():
            statuses[id_] = statuses[id_]._replace(why=why)
        return statuses

    def _answered(self, result: Any) -> None:
        self._is_asking = False
        self._took_seconds = clock.boot_seconds() - self._asked_seconds
        if isinstance(result, Exception):
            self.failed_checks += 1
            self._took_seconds = 0.0  # a failure says nothing about the cost of an answer
            for run in list(self._runs.values()):
                is_known = (run.outcome or {}).get("stopped") is None and not run.is_on_several
                if run.waits_for_word and is_known:
                    self._stopped_by(run, None)
            self.engine_down("status", str(result) or type(result).__name__)
        else:
            self.checks += 1
            self._checked_us = clock.wall_us()
            self.engine_up("status")
            for run in list(self._runs.values()):
                if run.record.ids:
                    self._settle(run, result)
        self.soon()

    # Consequences

    def ended(self, run: RemoteRun) -> None:
        """Conclude the run after its outcome was recorded. If the engine may have stopped it, or it has
        processes on other machines, the engine is asked first.
        """
        if (run.may_be_stopped_by_engine or run.is_on_several) and self._engine.knows_status:
            run.waits_for_word = True
            self._ask_in(0)
        else:
            self._stopped_by(run, None)

    def _stopped_by(self, run: RemoteRun, status: Status | None) -> None:
        """Conclude the run with the engine's report; if that gives no reason for its stop, it is lost."""
        run.waits_for_word = False
        if status is not None and status.state is State.QUEUED:
            self.cancel(run.record.ids, run.prefix, run)  # somebody requeued it; it can never run
        made = run.outcome or {}
        reason = None if status is None else STOPPED.get(status.state)
        if reason is not None and run.may_be_stopped_by_engine:
            run.outcome = run.record.outcome = {**made, **reason, **_stopped_by_user(status)}
        elif made.get("stopped") == "engine":
            run.outcome = run.record.outcome = {**made, "stopped": "machine"}
        if run.is_on_several and self._engine.knows_status:
            run.proved_by_engine()
        self._conclude(run)

    def lease_over(self, run: RemoteRun) -> None:
        """Declare the run lost after its lease expired, unless the engine knows its status."""
        if not self._engine.knows_status:
            self._lost(run, "lease")

    def quiet(self) -> None:
        """Ask the engine soon, because a runner has missed renewals."""
        if self._engine.knows_status:
            self._ask_in(SOONEST_SECONDS)

    def _settle(self, run: RemoteRun, statuses: Mapping[str, Status]) -> None:
        """Apply the engine's report to one run."""
        if run.is_settled:
            return
        status = _status_of(run, statuses)
        if run.waits_for_word:
            self._engine_answered(run, status)
        elif status is None:
            self._unknown(run)
        else:
            run.unknown = 0
            self._known(run, status)

    def _engine_answered(self, run: RemoteRun, status: Status | None) -> None:
        """Conclude a run whose end is recorded, unless the engine has not finished it and cannot say why."""
        run.words_awaited += 1
        is_awaited = run.is_on_several or run.words_awaited < MOST_WORDS
        if status is not None and status.state is State.RUNNING and is_awaited:
            self._ask_in(SOONEST_SECONDS)
            if run.is_on_several:
                self.trouble(run, f"{self._engine.kind} is ending its processes on the other machines.")
        else:
            self._stopped_by(run, status)

    def _unknown(self, run: RemoteRun) -> None:
        run.unknown += 1
        if run.unknown < SURE:
            return
        if run.phase is Phase.RUNNING:
            self._lost_with_lease(run, f"{self._engine.kind} no longer knows it")
        else:
            run.unknown = 0
            self._resubmit(run)

    def _lost_with_lease(self, run: RemoteRun, cause: str) -> None:
        """Declare the run lost once its lease has expired: nothing else proves that it is over."""
        if run.is_lease_over:
            self._lost(run, "lease")
        else:
            self.trouble(run, f"{cause}; it is lost when its runner has not renewed its lease for long.")

    def _known(self, run: RemoteRun, status: Status) -> None:
        run.queue = status.queue or run.queue
        if status.state in (State.QUEUED, State.RUNNING):
            run.gone = 0
            if run.phase is Phase.QUEUED:
                self._still_queued(run, status)
            else:
                self.trouble(run, f"{self._engine.kind} has suspended it." if status.is_suspended else "")
        elif status.state is State.UNTOLD:
            if run.phase is Phase.QUEUED:
                self._still_queued(run, status)
            elif run.is_lease_over:
                self._lost(run, "lease")
        elif run.phase is Phase.RUNNING and (status.state is State.NODE_DOWN or not status.is_node_up):
            self._node_down(run, status)
        else:
            self._reported_over(run, status)

    def _node_down(self, run: RemoteRun, status: Status) -> None:
        """Keep the run while its lease lasts, unless the machine has booted since its start."""
        if status.booted_us is not None and status.booted_us > run.started_us:
            self._lost(run, "boot")
        else:
            node = "its machine" if run.claimant is None else run.claimant.node
            self._lost_with_lease(run, f"{self._engine.kind} has lost {node}")

    def _still_queued(self, run: RemoteRun, status: Status) -> None:
        reason = status.reason or ("the node starts it" if status.state is State.RUNNING else "")
        reported = (status.word or "queued", reason, status.why)
        is_new = reported != (run.told_state, run.told_reason, run.why)
        run.start_estimate, run.why = status.start_estimate, status.why
        if is_new:
            self.tell_remote(run, *reported[:2])
        if not status.is_hopeless:
            run.hopeless_since = None
        elif run.hopeless_since is None:
            run.hopeless_since = clock.boot_seconds()
        elif clock.boot_seconds() - run.hopeless_since > HOPELESS_SECONDS:
            self._take_back(run.token, "program", f"{self._engine.kind} cannot start it: {status.reason}")

    def _reported_over(self, run: RemoteRun, status: Status) -> None:
        """Handle that the engine reports it over without a recorded end: certain when reported again.

        If its runner has just renewed the lease, the report is about another run: a controller that has lost
        its state gives the same id to the next submission of the same order.
        """
        run.gone += 1
        if run.gone < SURE or (run.phase is Phase.RUNNING and run.is_heard):
            self._ask_in(SOONEST_SECONDS)
        elif run.phase is not Phase.RUNNING:
            self._never_began(run, status)
        else:
            if status.state is State.ENDED and run.claimant is not None:
                self._engine.blame(run.claimant.node)
            values = {} if self._is_mistake(run, status) else STOPPED.get(status.state, {})
            self._lost(run, "engine", **values, **_stopped_by_user(status))

    def _is_mistake(self, run: RemoteRun, status: Status) -> bool:
        """Return whether it was killed by mistake: an engine without its state may kill unknown runs."""
        run.look_at_lease()
        is_cancelled = status.state is State.CANCELLED and self._engine.asks_first
        return is_cancelled and status.by is None and not run.was_signalled

    def _never_began(self, run: RemoteRun, status: Status) -> None:
        """Have it started again, also if cancelled: a controller that lost its state cancels by mistake."""
        self.tell_remote(run, status.word, status.reason)
        if status.state is State.ENDED and status.node is not None:
            self._engine.blame(status.node)
        self._take_back(run.token, "system", run.last_words() or f"{status.word} before it began")

    def _lost(self, run: RemoteRun, proof: str, **values: Any) -> None:
        """Declare it lost, unless its runner recorded the end and died before reporting it."""
        try:
            run.look()
        except OSError as error:
            self._journal.write("folder not read", token=run.token, error=str(error))
            return
        if run.phase is Phase.ENDED:
            self.ended(run)
            return
        self._journal.write("lost", token=run.token, proof=proof, **values)
        run.lose(proof, **values)
        self._conclude(run)

    # Reports to the daemon

    def tell_remote(self, run: RemoteRun, state: str, reason: str = "") -> None:
        """Report the run's state in the engine."""
        run.told_state, run.told_reason = state, reason
        record = run.record
        fields = {
            "engine": self._engine.kind,
            "remoteQueue": run.queue or (record.order.get("options") or {}).get("partition"),
            "remoteState": state.upper(),
            "remoteReason": reason or None,
            "remoteJobId": None if run.claimant is None else run.claimant.pid,
            "schedulerJobId": run.engine_id or (record.ids[-1] if record.ids else None),
            "remoteNode": None if run.claimant is None else run.claimant.node,
            "estimatedStart": run.start_estimate,
            "submitRetries": record.retries,
            "remoteSubmitted": record.submitted_us,
            "remoteStarted": run.spawn_us,
            **run.ending,
            "remoteStatusChecks": self.checks,
            "failedStatusChecks": self.failed_checks,
            "lastStatusCheck": self._checked_us,
        }
        is_told = state in ("submitting", "refused") or run.phase is Phase.RUNNING or run.outcome
        word = state if is_told else "queued"
        self._tell(Remote(run.token, fields, word, run.why or reason, run.trouble))

    def trouble(self, run: RemoteRun, sentence: str) -> None:
        """Show a sentence about a run's trouble in its job; an empty text removes it."""
        if run.trouble != sentence:
            run.trouble = sentence
            self.tell_remote(run, run.told_state, run.told_reason)

    def engine_down(self, what: str, cause: str) -> None:
        """Note that the engine does not answer or accept anything; `what` has failed."""
        before = self._down_cause
        self._downs[what] = cause
        if before is None:
            self._down_us = clock.wall_us()
        if self._down_cause != before:
            self._tell(Down(cause))
        if what == "status":
            since = datetime.fromtimestamp(self._down_us // 10**6, UTC).strftime("%H:%M:%S UTC")
            self._silence = f"{self._engine.kind} has not answered since {since}."
            for run in self._unsettled():
                self.trouble(run, self._silence)

    def engine_up(self, *what: str) -> None:
        """Note that the named functions of the engine work again."""
        before = self._down_cause
        for one in what:
            self._downs.pop(one, None)
        if before is not None and self._down_cause is None:
            self._tell({"op": "up"})
        if "status" in what and self._silence:
            for run in self._unsettled():
                if run.trouble == self._silence:
                    self.trouble(run, "")
            self._silence = ""
            self._submissions.hurry()

    @property
    def _down_cause(self) -> str | None:
        return next(iter(self._downs.values()), None)

    def _unsettled(self) -> list[RemoteRun]:
        return [run for run in self._runs.values() if not run.is_settled]

    def tell_again(self) -> None:
        """Tell a new daemon what is not in the hello."""
        if self._down_cause is not None:
            self._tell(Down(self._down_cause))
        for run in self._unsettled():
            self.tell_remote(run, run.told_state, run.told_reason)


def _status_of(run: RemoteRun, statuses: Mapping[str, Status]) -> Status | None:
    """Return the status of the submission that was claimed, else of the last known one."""
    ids: Iterable[str] = [run.engine_id] if run.engine_id is not None else reversed(run.record.ids)
    known = (statuses[id_] for id_ in ids if id_ in statuses)
    return next((one for one in known if run.is_of(one)), None)


def _stopped_by_user(status: Status | None) -> dict[str, str]:
    """Return who requested the end from the engine, as members of an outcome."""
    return {"stoppedBy": status.by} if status is not None and status.by else {}
