"""A world without chance: everything returns at once, and only the events of the scenario happen."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from core.trees import PLAIN
from locksided.core import inputs as i
from locksided.core.model import Draft
from simulation import faults, nature
from simulation.asides import ask_for
from simulation.daemon import surroundings
from simulation.episode import end_well
from simulation.keeper import Keeper
from simulation.nature import Happening, possible
from simulation.people import ANNA, Request
from simulation.world import World


class Stage:
    """A world and the actions of a scenario. Hops are slow only within `slow`."""

    def __init__(self) -> None:
        self.world = World(tells=True)
        self.world.hurry = 1.0
        self.world.has_faults = False

    # -- the daemon and the keeper ------------------------------------------------------------------------

    def settle(self, but: str | None = None) -> None:
        """Let all pending events happen, except hops with this name."""
        self.world.let_daemon_run()
        if but is None:
            nature.settles(self.world)
            return
        for _ in range(500):
            happening = next((one for one in possible(self.world) if but not in self._told(one)), None)
            if happening is None:
                return
            happening()
            self.world.let_daemon_run()
        raise AssertionError("it never settles")

    def _told(self, happening: Happening) -> str:
        """Return the name of an event and what hops with it."""
        hops = self.world.daemon.hops if self.world.daemon is not None else {}
        return f"{happening} {[hops.get(one) for one in happening.args]}"

    def step(self, *words: str) -> None:
        """Let one pending event happen: the first with this name that contains all of these words."""
        for happening in possible(self.world):
            if all(word in self._told(happening) for word in words):
                happening()
                self.world.let_daemon_run()
                return
        raise AssertionError(f"{words} cannot happen now: {possible(self.world)}")

    def kill_daemon(self) -> None:
        assert self.world.daemon is not None
        self.world.daemon.loop.is_dead = True
        self.world.let_daemon_run()

    def start_daemon(self) -> None:
        """Start the daemon up to its connection to the keeper, which has not sent anything yet."""
        nature.start_daemon(self.world)
        self.world.let_daemon_run()

    def kill_keeper(self) -> None:
        nature.keeper_dies(self.world, self.keeper)

    @property
    def keeper(self) -> Keeper:
        (keeper,) = self.world.keepers.values()
        return keeper

    def lose_power(self) -> None:
        faults.lose_power(self.world)
        self.world.let_daemon_run()

    @contextmanager
    def slow(self) -> Iterator[None]:
        """Hops to a thread within the block return only when the scenario lets them."""
        self.world.hurry = 0.0
        yield
        self.world.hurry = 1.0

    def pass_time(self, seconds: float) -> None:
        nature.pass_time(self.world, seconds)
        self.world.let_daemon_run()

    # -- people -------------------------------------------------------------------------------------------

    def submit(self, draft: Draft = PLAIN, **wishes: Any) -> Request:
        request = Request(i.Submit((replace(draft, **wishes),), ANNA), self.world.people.once(), makes=1)
        self.world.people.send(request)
        self.world.let_daemon_run()
        return request

    def ask_for_an_aside(self, *, is_waited_for: bool = False) -> None:
        ask_for(self.world, is_waited_for=is_waited_for)
        self.world.let_daemon_run()

    def delivered(self) -> list[str]:
        """Return the delivered outcomes: the number of each aside and how it ended."""
        found = self.world.disk.rows("SELECT value FROM meta WHERE key LIKE 'probe %'")
        return sorted(str(value) for (value,) in found)

    def hang_up(self, request: Request) -> None:
        assert request.task is not None
        self.world.serving.loop.call_soon(request.task.cancel)
        self.world.let_daemon_run()

    def send_again(self, request: Request) -> None:
        self.world.people.send(request)
        self.world.let_daemon_run()

    def ask(self, work: Any) -> None:
        self.world.people.send(Request(work))
        self.world.let_daemon_run()

    def purge(self, job_id: int) -> None:
        self.world.people.purge(job_id)
        self.world.let_daemon_run()

    # -- processes ----------------------------------------------------------------------------------------

    def ends(self, token: str, code: int = 0) -> None:
        process = self.world.witness.alive_of(token)
        assert process is not None, f"{token} does not run: {list(self.world.witness.alive.values())}"
        nature.end_process(self.world, process, code)
        self.world.let_daemon_run()

    def boot(self) -> str:
        """Return the boot that the daemon has recorded."""
        return str(self.world.disk.rows("SELECT value FROM meta WHERE key = 'boot_id'")[0][0])

    def status(self, job_id: int) -> str:
        row = self.world.disk.row(job_id)
        assert row is not None
        return str(row["status"])

    def row(self, job_id: int) -> dict[str, Any]:
        row = self.world.disk.row(job_id)
        assert row is not None
        return row


@contextmanager
def staged() -> Iterator[Stage]:
    """Run a daemon that is connected to its keeper; at the end everything must become final."""
    stage = Stage()
    with surroundings(stage.world):
        stage.start_daemon()
        stage.settle()
        yield stage
        end_well(stage.world)
