"""One run of an executor: the content of its folder, and the conclusions from that and from the engine.

This module reads and writes the files of the run; reports and commands to the engine belong to the executor.
"""

import os
from collections.abc import Iterable
from typing import Any, cast

from locksided.executors.engine import Engine, Status
from locksided.executors.records import Phase, Record
from locksided.keeper import clock, outcome, remote, wire
from locksided.keeper.log import segments
from locksided.keeper.log.format import MAX_PAYLOAD_BYTES
from locksided.keeper.messages import Hello, KeptRun, KillReport, Number, to_wire
from locksided.keeper.tree import proc

LEASE_EXPIRES_SECONDS = 120.0
HEARD_SECONDS = 2 * remote.LEASE_SECONDS
LEAST_LOOKS = 2
QUIET_LOOKS = 4
ENGINES_SIGNALS = (9, 15)
SHELLS_CODES = tuple(128 + number for number in ENGINES_SIGNALS)
"""The exit codes of a shell whose program was ended by such a signal."""
LOG_BYTES = 64 * 1024
PEEKED_BYTES = 4 * MAX_PAYLOAD_BYTES


class RemoteRun:
    """One run, from its order to its acknowledgement."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.phase = Phase.SUBMITTING
        self.started: dict[str, Any] = {}
        """The runner's note of the start."""
        self.claimant: remote.Claimant | None = None
        """The runner that won the claim."""
        self.outcome: dict[str, Any] | None = record.outcome
        self.progress: dict[str, Any] = {}
        self.was_signalled = False
        """Whether the engine has asked its runner to end."""
        self.unknown = 0
        """The consecutive times the engine did not know it."""
        self.gone = 0
        """The consecutive times the engine reported it over while there was no outcome."""
        self.hopeless_since: float | None = None
        self.waits_for_word = False
        """Whether the engine is being asked if it stopped the run."""
        self.words_awaited = 0
        """The times the engine has reported it running since then."""
        self.start_estimate: str | None = None
        self.why = ""
        """Why the engine has not started it, in words."""
        self.queue: str | None = None
        self.told_state, self.told_reason, self.trouble = "submitting", "", ""
        """The reported state; `trouble` is a sentence for the readers of the job."""
        self.kill_at: float | None = None
        self.watched_seq: int | None = None
        self._beat: Any = None
        self._beat_seconds = clock.boot_seconds()
        if record.quiet is not None and record.quiet[0] == clock.boot_id():
            _, self._beat, self._beat_seconds = record.quiet
        self._looks = 0
        self._log_bytes = -1

    @property
    def token(self) -> str:
        return self.record.token

    def look(self) -> None:
        """Read the progress of the run from its folder. Raises OSError."""
        if self.outcome is None:
            self.outcome = self._recorded()
        if self.outcome is not None:
            self.phase = Phase.ENDED
        claim = remote.claim_of(self.record.folder)
        if claim is not None:
            self.claimant = remote.claimed_by(claim)
            if self.engine_id not in (None, "-", *self.record.ids):
                self.record.ids.append(str(self.engine_id))  # of the previous step, which handed it on
            self.started = self.started or remote.read(self.record.folder, outcome.RUN_FILE) or {}
            self.started = self.started or self.outcome or {}  # the outcome is written over the note
        if self.outcome is None and self.claimant is not None:
            self.phase = Phase.RUNNING
        elif self.outcome is None and self.record.ids:
            self.phase = Phase.QUEUED

    @property
    def is_settled(self) -> bool:
        """Whether its outcome is final."""
        return self.outcome is not None and not self.waits_for_word

    @property
    def prefix(self) -> str:
        """The prefix of the names of all submissions of this daemon."""
        return self.record.name.removesuffix(self.token)

    def is_of(self, status: Status) -> bool:
        """Return whether a submission is this run's, or a previous step's that handed its machine on.

        Names and control folders end with the number of the step.
        """
        if status.control is not None:
            return _without_step(status.control) == _without_step(self.record.folder)
        return status.is_ours or _without_step(status.name) == _without_step(self.record.name)

    @property
    def is_on_several(self) -> bool:
        """Whether it may have processes on other machines, whose end only the engine knows."""
        return int(self.record.order.get("nodes") or 1) > 1

    @property
    def ending(self) -> dict[str, Any]:
        """The end of the run for a job's `remote`."""
        made = self.outcome
        if made is None:
            return {}
        is_good = made.get("exitCode") == 0 and not made.get("stopped")
        return {
            "remoteEnded": _number(made.get("endTime")),
            "remoteOutcome": "FINISHED" if is_good else "FAILED",
        }

    @property
    def started_us(self) -> int:
        """When it started or, before that is known, was submitted."""
        return self.spawn_us or self.record.submitted_us or 0

    @property
    def spawn_us(self) -> Number | None:
        """When its process was started, as far as its runner has noted it."""
        return _number(self.started.get("spawnTime"))

    @property
    def engine_id(self) -> str | None:
        """The submission that won the claim."""
        return None if self.claimant is None else self.claimant.engine_id

    def _recorded(self) -> dict[str, Any] | None:
        found = remote.read(self.record.folder, outcome.FILE)
        return None if found is None else {**found, "token": self.token}

    def look_at_lease(self) -> None:
        """Check whether the runner lives, and read its progress. A failed read does not count."""
        try:
            found = remote.read(self.record.folder, remote.LEASE) or {}
        except OSError:
            return
        now = clock.boot_seconds()
        if found.get("beat") != self._beat:
            self._beat, self._beat_seconds, self._looks = found.get("beat"), now, 0
            said = found.get("progress")
            self.progress = said if isinstance(said, dict) else {}
            self.was_signalled = found.get("signalled") is True
        else:
            self._looks += 1
        if self.is_quiet:
            self.record.quiet = (clock.boot_id(), self._beat, self._beat_seconds)

    @property
    def _quiet_seconds(self) -> float:
        return clock.boot_seconds() - self._beat_seconds

    @property
    def is_lease_over(self) -> bool:
        """Whether it was not renewed for so long that the runner has stopped its run itself."""
        return self._looks >= LEAST_LOOKS and self._quiet_seconds >= LEASE_EXPIRES_SECONDS

    @property
    def is_heard(self) -> bool:
        """Whether the runner may still renew its lease in time."""
        return self._quiet_seconds < HEARD_SECONDS

    @property
    def is_quiet(self) -> bool:
        """Whether the runner has missed its renewals: the engine may know why."""
        return self._looks >= QUIET_LOOKS

    def ask(self) -> None:
        """Write the requests to the run where the runner finds them. Raises OSError."""
        asked = {"stop": self.record.stop, "pause": self.record.paused}
        remote.write(self.record.folder, remote.ASKS, asked, self._owner)

    @property
    def _owner(self) -> tuple[int, int] | None:
        user = self.record.order.get("user")
        return None if user is None else (user["uid"], user["gid"])

    @property
    def may_be_stopped_by_engine(self) -> bool:
        """Whether an engine may have caused its outcome."""
        made = self.outcome or {}
        if self.record.outcome is not None:
            return False
        return made.get("stopped") == "engine" or (
            made.get("stopped") is None
            and (made.get("signal") in ENGINES_SIGNALS or made.get("exitCode") in SHELLS_CODES)
        )

    def lose(self, proof: str, **values: Any) -> None:
        """Record that the run ended without an outcome of its own; `proof` is how that is known."""
        made = outcome.blank(self.token)._replace(
            pid=_number(self.started.get("pid")),
            spawn_time=self.spawn_us,
            exit_time=clock.wall_us(),
            kill_report=KillReport(proof, ()),
        )
        self.outcome = self.record.outcome = {**to_wire(made), **(values or {"lost": True})}
        self.phase = Phase.ENDED

    def proved_by_engine(self) -> None:
        """Record that the engine has proved its end on all its machines."""
        made = self.outcome or {}
        known = made.get("killReport")
        report = {**(known if isinstance(known, dict) else {}), "proof": "engine"}
        self.outcome = self.record.outcome = {**made, "killReport": report}

    def last_words(self) -> str:
        """Return the last line that the runner or its starter wrote outside of the log."""
        try:
            said = remote.content(self.record.folder, "engine.log", LOG_BYTES) or b""
        except OSError:
            return ""
        lines = said.decode(errors="replace").strip().splitlines()
        return lines[-1][:500] if lines else ""

    def log_end(self) -> int | None:
        """Return the number of the log's next frame if it may have changed since the last call."""
        size = sum(one.size_bytes for one in segments.list_segments(self.record.log_folder))
        if size == self._log_bytes:
            return None
        self._log_bytes = size
        return segments.peek_next_seq(self.record.log_folder, PEEKED_BYTES)

    def watch(self, seq: int) -> None:
        self.watched_seq, self._log_bytes = seq, -1

    def describe(self) -> KeptRun:
        """Return the run as listed in the hello."""
        states = {Phase.ENDED: "ended" if self.is_settled else "stopping", Phase.RUNNING: "running"}
        return KeptRun(
            self.token,
            states.get(self.phase, "starting"),
            self.record.paused,
            _number(self.started.get("pid")),
            spawn_time=self.spawn_us,
            outcome=cast("Any", self.outcome) if self.is_settled else None,
        )


def hello(engine: Engine, runs: Iterable[RemoteRun], build: str) -> Hello:
    """Return the executor's description of itself and of its runs for a new daemon.

    Outcomes beyond what fits into a line are missing: they must be reported after it.
    """
    described, left_bytes = [], wire.MAX_LINE_BYTES
    for run in runs:
        one = run.describe()
        left_bytes -= 0 if one.outcome is None else len(wire.encode(one.outcome))
        described.append(one if left_bytes >= 0 else one._replace(state="stopping", outcome=None))
    return Hello(
        wire.VERSION,
        os.getpid(),
        runs=tuple(described),
        build=build,
        start_ticks=proc.start_ticks(os.getpid()),
        boot_id=clock.boot_id(),
        kind=engine.kind,
        capabilities=engine.capabilities,
        engine=engine.version or engine.kind,
    )


def _without_step(name: str) -> str:
    start, _, step = name.rpartition("-")
    return start if step.isdigit() else name


def _number(value: Any) -> Number | None:
    return value if type(value) is int and 0 <= value < 2**53 else None
