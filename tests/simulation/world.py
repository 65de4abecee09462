"""The world: one machine with its disk, keeper, processes, clock and people; a daemon comes and goes.

Operations are applied one at a time, by name and with a number from which all choices follow; after each
the daemon runs until it waits for the world again, and all invariants are checked.
"""

from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any, TypeVar

from core.same import assert_same
from lockside.documents.enums import JobType, Status
from locksided.actors.loader import load_core
from locksided.core.jobs import Job
from locksided.core.scheduler import Scheduler
from locksided.core.state import State
from locksided.core.transitions import FINAL, TRANSITIONS
from locksided.store.store import Store, _Start
from simulation import recovery
from simulation.asides import note_recorded
from simulation.daemon import SETTINGS, Daemon, Log
from simulation.disk import Disk
from simulation.figures import Figures
from simulation.follower import check_counted
from simulation.keeper import Keeper, Release
from simulation.makers import RULES, Ledgers
from simulation.people import People
from simulation.witness import Violation, Witness

T = TypeVar("T")
NOON_US = 1_700_000_000_000_000


class Quiet:
    """A connection for the world's own access to the store."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk

    async def run(self, work: Any) -> Any:
        return work(self._disk.connection)


class World:
    """The whole world. `figures` counts, `story` records what happens if requested."""

    def __init__(self, figures: Figures | None = None, *, tells: bool = False) -> None:
        self.figures = figures if figures is not None else Figures()
        self.random = Random(0)
        self.log = Log()
        self.disk = Disk()
        self.witness = Witness(self.disk)
        self.people = People(self)
        self.monotonic_us = 0
        self.offset_us = NOON_US
        self.boots = 1
        self.keepers: dict[Path, Keeper] = {}
        self.release = Release()
        self.keepers_made = 0
        self.daemon: Daemon | None = None
        self.hurry = 0.6
        self.has_faults = True
        self.unreadable_folders = 0
        self.story: list[str] | None = [] if tells else None
        self.asides = 0
        self.tests = 0
        self.asides_recorded: set[str] = set()
        self.last_seq = 0
        self.statuses: dict[int, Status] = {}
        self.ended_tokens: set[str] = set()
        self.compares_in = 0
        self.zone: str | None = RULES[0]
        self.ledgers = Ledgers(self)
        self._broken: Exception | None = None
        self._quiet = Store("", _Start(1, 0), Quiet(self.disk), Quiet(self.disk), Quiet(self.disk))  # type: ignore[arg-type]

    # -- state --------------------------------------------------------------------------------------------

    @property
    def now_us(self) -> int:
        return self.monotonic_us + self.offset_us

    @property
    def boot(self) -> str:
        return f"boot {self.boots}"

    @property
    def serving(self) -> Daemon:
        """Return the daemon if it accepts requests."""
        assert self.daemon is not None
        return self.daemon

    @property
    def is_served(self) -> bool:
        return self.daemon is not None and self.daemon.is_serving and not self.daemon.is_dead

    @property
    def state(self) -> State:
        assert self.daemon is not None
        assert self.daemon.core is not None
        return self.daemon.core.state

    def jobs(self) -> list[Job]:
        """Return the live jobs that the daemon knows."""
        return list(self.state.jobs.values()) if self.is_served else []

    def in_flight(self) -> list[Job]:
        return [job for job in self.jobs() if job.has_started and job.type is JobType.STANDARD]

    def one_of(self, things: Sequence[T]) -> T | None:
        return self.random.choice(things) if things else None

    def note(self, text: str) -> None:
        if self.story is not None:
            self.story.append(text)

    def is_hurrying(self) -> bool:
        """Return whether a hop returns at once."""
        return self.random.random() < self.hurry

    def folder_fails(self) -> bool:
        if self.unreadable_folders:
            self.unreadable_folders -= 1
            return True
        return self.has_faults and self.random.random() < 0.02

    def keeper_starts(self, path: Path, release: Release) -> None:
        if path not in self.keepers:
            self.keepers_made += 1
            self.keepers[path] = Keeper(self.disk, self.witness, release, 100 + self.keepers_made)

    def keeper_of(self, token: str) -> Keeper | None:
        """Return the keeper that has a start; starts taken over from a dead keeper do not count."""
        for keeper in self.keepers.values():
            run = keeper.runs.get(token)
            if run is not None and not run.is_reaping:
                return keeper
        return None

    # -- the daemon ---------------------------------------------------------------------------------------

    def let_daemon_run(self) -> None:
        daemon = self.daemon
        if daemon is None:
            return
        daemon.run()
        if self.log.faults:
            fault = self.log.faults[0]
            raise Violation(f"the daemon has a fault: {fault!r}") from fault
        if not daemon.is_dead:
            recovery.check_under_way(self)
        if daemon.is_dead:
            self.daemon_died()
        elif self.compares_in <= 0 and daemon.core is not None and not daemon.has_unsaved:
            self.compares_in = 6
            self.compare(daemon.core)

    def daemon_died(self) -> None:
        daemon = self.daemon
        assert daemon is not None
        self.note("   the daemon is dead")
        daemon.kill()
        self.people.daemon_died()
        if daemon.core is not None and not daemon.has_unsaved and not daemon.scheduler.trouble:
            self.compare(daemon.core)
        self.daemon = None
        self.people.check_answers()
        check_counted(self.disk)

    def broken(self, error: Exception) -> None:
        """Record a violation where the daemon would catch it: it is raised once the daemon waits."""
        self._broken = self._broken or error

    def raise_broken(self) -> None:
        if self._broken is not None:
            raise self._broken

    def compare(self, live: Scheduler) -> None:
        """Check that a daemon starting now would have the state of the live one."""
        if any(not job.program.is_settled for job in live.state.jobs.values()):
            return  # a daemon that starts now looks it up again
        self.figures.reloads_compared += 1
        assert_same(self.load().state, live.state)

    def load(self) -> Scheduler:
        """Return the core as stored, read by the real loader at once."""
        reading = load_core(self._quiet, SETTINGS)
        try:
            reading.send(None)
        except StopIteration as done:
            core: Scheduler = done.value
            return core
        raise AssertionError("the loader waited for something")

    # -- checks -------------------------------------------------------------------------------------------

    def committed(self) -> None:
        """Check a committed transaction: its contents are possible and true."""
        self.figures.commits += 1
        self.compares_in -= 1
        note_recorded(self)
        rows = self.disk.rows(
            "SELECT seq, kind, job_id, data ->> 'from', data ->> 'to' FROM events WHERE seq > ? ORDER BY seq",
            self.last_seq,
        )
        for seq, kind, job_id, before, after in rows:
            self.last_seq = seq
            if kind == "job.created":
                self.figures.jobs += 1
                self.statuses[job_id] = Status.CREATED
            elif kind == "job.status":
                self._moved(job_id, Status(before), Status(after))
            elif kind == "job.blocked":
                self.figures.blocks += 1
        if rows:
            self.witness.check_rows()
            recovery.check_rows(self)
            self.ledgers.check()

    def _moved(self, job_id: int, before: Status, after: Status) -> None:
        known = self.statuses[job_id]
        if before is not known:
            raise Violation(f"job {job_id} is said to go from {before}, and was {known}")
        if after not in TRANSITIONS[before]:
            raise Violation(f"job {job_id} goes from {before} to {after}")
        self.statuses[job_id] = after
        if after in FINAL:
            self._check_end(job_id, after)

    def _check_end(self, job_id: int, status: Status) -> None:
        row = self.disk.row(job_id)
        assert row is not None
        if row["status"] != status:
            raise Violation(f"job {job_id} is told to be {status}, and stored as {row['status']}")
        if row["type"] == "standard":
            self.witness.check_end(row)

    def check_lost(self, token: str) -> None:
        """Check that no run is called lost whose outcome is known or that still runs."""
        keeper = self.keeper_of(token)
        known = keeper.runs[token].outcome if keeper is not None else self.disk.outcomes.get(token)
        if known is None and keeper is None:
            return
        if known is None or not (known.get("lost") or known.get("stopped") == "machine"):
            raise Violation(f"{token} is called lost, and it is known: {known}")

    def check_told_to_start(self, token: str) -> None:
        """Check that nothing is started before its token is on the disk."""
        if token.startswith("aside-"):
            if not self.disk.rows("SELECT 1 FROM asides WHERE token = ?", token):
                raise Violation(f"the keeper is told to start {token} before that is saved")
            return
        job_id = int(token.split("-", maxsplit=1)[0])
        found = self.disk.rows("SELECT status, start_token FROM jobs WHERE id = ?", job_id)
        if not found or found[0][1] != token:
            raise Violation(f"the keeper is told to start {token} before that is saved")

    def check_acknowledged(self, token: str) -> None:
        """Check that no outcome that the keeper knows is acknowledged before it is saved."""
        if token.startswith("aside-"):
            if self.disk.rows("SELECT 1 FROM asides WHERE token = ?", token):
                raise Violation(f"the end of {token} is acknowledged before it is delivered")
            return
        job_id = int(token.split("-", maxsplit=1)[0])
        found = self.disk.rows("SELECT start_token FROM jobs WHERE id = ?", job_id)
        if found and found[0][0] == token:
            raise Violation(f"the end of {token} is acknowledged before it is saved")
