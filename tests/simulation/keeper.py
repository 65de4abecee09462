"""A model of the keeper: it claims, spawns, stops, and keeps each outcome until it is acknowledged.

It records the outcome of a simple run only a moment later, if it still has it then. It may die between any
two effects. Runs that it leaves behind have no parent until another keeper reaps them.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simulation.disk import Disk

if TYPE_CHECKING:
    from simulation.witness import Process, Witness

Message = Mapping[str, Any]


class KeeperDies(Exception):
    """The keeper is gone from this moment on."""


@dataclass(frozen=True, order=True)
class Release:
    """An installed release: every other one speaks a new version of the protocol."""

    number: int = 0

    @property
    def version(self) -> int:
        return self.number // 2 + 1

    @property
    def build(self) -> str:
        return f"build{self.number}"

    @property
    def path(self) -> Path:
        return Path(f"{self.version}-{self.build}.sock")


@dataclass(eq=False)
class Wire:
    """One connection between a daemon and a keeper: the messages that the other side has not read yet."""

    to_keeper: deque[Message] = field(default_factory=deque)
    to_daemon: deque[Message] = field(default_factory=deque)
    ended: bool = False
    """One side has closed it: the daemon reads what is there, then its end."""


@dataclass(eq=False)
class Run:
    """One start that the keeper knows. `is_reaping` when another keeper made it and died."""

    token: str
    state: str = "starting"
    process: "Process | None" = None
    paused: bool = False
    wants_pause: bool = False
    stopped_by: str | None = None
    outcome: dict[str, Any] | None = None
    is_reaping: bool = False
    empty_folders: list[str] = field(default_factory=list)
    """What the keeper makes before it starts, and removes when nothing was left in them."""
    is_noted_late: bool = False

    def describe(self) -> dict[str, Any]:
        return {
            "token": self.token,
            "state": self.state,
            "paused": self.paused,
            "pid": self.process.pid if self.process is not None else None,
            "spawnTime": self.process.started_us if self.process is not None else None,
            "outcome": self.outcome,
        }


class Keeper:
    """`dies_after` counts its effects down; None lets it live."""

    def __init__(self, disk: Disk, witness: "Witness", release: Release, pid: int) -> None:
        self._disk = disk
        self._witness = witness
        self.release = release
        self.pid = pid
        self.runs: dict[str, Run] = {}
        self.wire: Wire | None = None
        self.has_greeted = False
        self.unnoted: dict[str, Run] = {}
        self.is_leaving = False
        self.dies_after: int | None = None

    def effect(self) -> None:
        """A visible effect is about to happen."""
        if self.dies_after is not None:
            if self.dies_after == 0:
                raise KeeperDies
            self.dies_after -= 1

    # -- the daemon ---------------------------------------------------------------------------------------

    def accept(self, wire: Wire) -> None:
        """A new connection ends the old one, whose unread messages are lost."""
        if self.wire is not None:
            self.wire.ended = True
        self.note_all()
        self.wire = wire
        self.has_greeted = False

    @property
    def _is_listened_to(self) -> bool:
        return self.wire is not None and self.has_greeted and not self.wire.ended

    def tell(self, message: Message) -> None:
        self.effect()
        if self.wire is not None and self._is_listened_to:
            self.wire.to_daemon.append(message)

    def take(self, message: Message) -> None:
        """Handle one message of the daemon."""
        token = message.get("token", "")
        run = self.runs.get(token)
        match message["op"]:
            case "hello":
                self.has_greeted = True
                self.tell(self._hello())
            case "start":
                self._start(message, run)
            case "reap":
                self._reap(token, run)
            case "stop" if run is not None:
                self.stop(run, "terminate")
            case "pause" | "resume" as op if run is not None:
                self._pause(run, op == "pause")
            case "ack" if run is not None and run.outcome is not None:
                self._witness.saved[token] = run.outcome
                self.unnoted.pop(token, None)
                del self.runs[token]
            case "shutdown":
                self.leave()

    def _hello(self) -> dict[str, Any]:
        return {
            "op": "hello",
            "version": self.release.version,
            "build": self.release.build,
            "pid": self.pid,
            "runs": [run.describe() for run in self.runs.values()],
        }

    def _start(self, message: Message, known: Run | None) -> None:
        token = message["token"]
        if known is not None:
            self._tell_state(known)
            return
        if self.is_leaving:
            self._refuse(token, "system", "the keeper is being stopped")
            return
        if self._disk.is_full:
            self._refuse(token, "system", "claim: No space left on device")
            return
        self.effect()
        first = self._disk.claim(token, "started")
        if first is not None:
            self._refuse(token, "burnt" if first == "burnt" else "claimed", "it was decided before")
            return
        folders, is_noted_late = list(message.get("emptyFolders", ())), message.get("notedLate", False)
        self.runs[token] = Run(token, empty_folders=folders, is_noted_late=is_noted_late)

    def _refuse(self, token: str, kind: str, message: str) -> None:
        self.tell({"op": "refused", "token": token, "kind": kind, "message": message})

    def stop(self, run: Run, reason: str) -> None:
        """The first reason counts. The processes end when the world lets them."""
        if run.outcome is not None or run.stopped_by is not None or run.is_reaping:
            return
        run.stopped_by = reason
        run.wants_pause = run.paused = False
        if run.state == "running":
            run.state = "stopping"

    def _pause(self, run: Run, paused: bool) -> None:
        if run.state == "starting":
            run.wants_pause = paused
        elif run.state == "running":
            run.paused = paused

    def _reap(self, token: str, known: Run | None) -> None:
        if known is not None:
            self._tell_state(known)
            return
        self.effect()
        if self._disk.claim(token, "burnt") in (None, "burnt"):
            self._refuse(token, "burnt", "it was never started")
            return
        run = self.runs[token] = Run(token, state="stopping", is_reaping=True)
        recorded = self._disk.outcomes.get(token)
        if recorded is not None:
            self._end(run, recorded)
            return
        run.process = self._witness.alive_of(token)
        if run.process is None:
            self._end(run, _lost(token))

    def _tell_state(self, run: Run) -> None:
        if run.outcome is not None:
            self._tell_end(run)
        elif run.state != "starting" and not run.is_reaping:
            self._tell_started(run)

    def _tell_started(self, run: Run) -> None:
        assert run.process is not None
        known = {"token": run.token, "pid": run.process.pid, "spawnTime": run.process.started_us}
        self.tell({"op": "started", **known})

    def _tell_end(self, run: Run) -> None:
        assert run.outcome is not None
        refused = run.outcome.get("refused")
        if refused is not None:
            self.tell({"op": "refused", "token": run.token, **refused})
        else:
            self.tell({"op": "ended", "token": run.token, "outcome": run.outcome})

    # -- what happens -------------------------------------------------------------------------------------

    def launch(self, run: Run, refusal: str | None, now_us: int) -> None:
        """The program is executed, or the system or the program refuses."""
        if refusal is not None:
            outcome = {"token": run.token, "refused": {"kind": refusal, "message": "it cannot be executed"}}
            self._end(run, outcome)
            return
        self.effect()
        run.process = self._witness.begin(run.token, now_us)
        run.state = "running" if run.stopped_by is None else "stopping"
        self.effect()
        self._disk.records[run.token] = run.process.pid
        self._tell_started(run)
        run.paused = run.wants_pause and run.stopped_by is None

    def progress(self, run: Run, share: float) -> None:
        self.tell(
            {"op": "progress", "token": run.token, "progress": {"progress": share, "message": "so far"}}
        )

    def tree_is_empty(self, run: Run, now_us: int) -> None:
        """All processes of a run are gone: its outcome is recorded, then reported."""
        process = run.process
        assert process is not None
        if run.is_reaping:
            self._end(run, _lost(run.token))
            return
        self._end(
            run,
            {
                "token": run.token,
                "pid": process.pid,
                "exitCode": process.exit_code,
                "signal": process.signal,
                "stopped": run.stopped_by,
                "spawnTime": process.started_us,
                "exitTime": now_us,
                "keptFolders": run.empty_folders if process.pid % 7 == 0 else [],
            },
        )

    def _end(self, run: Run, outcome: dict[str, Any]) -> None:
        self.effect()
        run.state = "ended"
        run.outcome = outcome
        self.unnoted[run.token] = run
        if not (run.is_noted_late and self._is_listened_to):
            self.note_all()
        self._tell_end(run)

    def note_all(self) -> None:
        """Record the pending outcomes."""
        waiting, self.unnoted = self.unnoted, {}
        for run in waiting.values():
            assert run.outcome is not None
            if not self._disk.is_full:
                self._disk.outcomes[run.token] = run.outcome

    def leave(self) -> None:
        """Told to exit: every run is stopped with the reason `machine`."""
        self.is_leaving = True
        for run in self.runs.values():
            self.stop(run, "machine")

    @property
    def is_gone(self) -> bool:
        """Return whether the keeper has exited as it was told."""
        return self.is_leaving and all(run.outcome is not None for run in self.runs.values())


def _lost(token: str) -> dict[str, Any]:
    return {"token": token, "lost": True}
