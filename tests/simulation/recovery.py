"""Recovery in the simulation: the real checks, with tests that are processes of the world."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lockside.documents.enums import CheckOutcome
from locksided.actors import checks
from locksided.actors.asides import Aside
from locksided.core import recovery_inputs as r
from locksided.core.actions import CheckCondition
from locksided.keeper.messages import Outcome
from locksided.paths import StateDir
from simulation.people import ANNA, Request
from simulation.runs import order
from simulation.witness import Violation

if TYPE_CHECKING:
    from simulation.daemon import Daemon
    from simulation.world import World

_OUTCOMES = {0: CheckOutcome.WELL, 1: CheckOutcome.NOT_YET, None: CheckOutcome.NOT_YET}


class Checks(checks.Checks):
    """A test is an aside without a folder."""

    def __init__(self, daemon: "Daemon", runs: Any, tasks: Any) -> None:
        nowhere = StateDir(Path("/nowhere"))
        super().__init__(daemon.asides, runs, daemon.scheduler, daemon.backend, nowhere, tasks)
        self._daemon = daemon

    async def _start(self, action: CheckCondition) -> None:
        await self._daemon.hop("the making of a folder for a test")
        world = self._daemon.world
        world.tests += 1
        world.figures.tests += 1
        reference = {"condition": action.condition, "number": action.number}
        await self._asides.begin(self.purpose, reference, order(f"aside-test-{world.tests}"))

    async def deliver(self, aside: Aside, outcome: Outcome) -> r.Checked | r.CheckLost:
        self._daemon.may_fail_to_read()
        await self._daemon.hop("the reading of a test")
        key = (aside.reference["condition"], aside.reference["number"])
        if outcome.is_lost or outcome.refused is not None:
            return r.CheckLost(*key)
        return r.Checked(*key, _OUTCOMES.get(outcome.exit_code, CheckOutcome.HOPELESS))


def lets_go(world: "World") -> str | None:
    """A person unblocks a job, or has a condition tested."""
    conditions = world.state.recoveries.conditions
    job = world.one_of([job for job in world.jobs() if job.block is not None])
    if job is None or job.block is None:
        return None
    if world.random.random() < 0.5:
        world.people.send(Request(r.Unblock(job.id, ANNA)))
        return f"Anna unblocks job {job.id}."
    name = job.block.terms.condition
    world.people.send(Request(r.CheckNow(name, ANNA)))
    return f"Anna has {name} tested, {conditions[name].checks} tests after the first."


def check_under_way(world: "World") -> None:
    """Check that a condition that is being tested has its test while no hop is pending."""
    daemon = world.daemon
    if daemon is None or not daemon.is_serving or daemon.hops or daemon.has_unsaved:
        return
    if daemon.core is None or daemon.scheduler.trouble is not None:
        return
    known = daemon.checks.under_way()
    for condition in daemon.core.state.recoveries.conditions.values():
        if condition.is_checking and (condition.id, condition.checks) not in known:
            raise Violation(f"{condition.id} waits for a test that nobody makes")


def check_rows(world: "World") -> None:
    """Check after a commit that blocked jobs and conditions match, with one test at a time for each."""
    named = "SELECT DISTINCT block ->> '$.terms.condition' FROM jobs WHERE block IS NOT NULL ORDER BY 1"
    blocking = world.disk.rows(named)
    known = world.disk.rows("SELECT id FROM recovery_conditions ORDER BY id")
    if blocking != known:
        raise Violation(f"jobs wait for {blocking}, and the conditions are {known}")
    twice = world.disk.rows(
        "SELECT reference FROM asides WHERE purpose = 'recovery' GROUP BY reference HAVING count(*) > 1"
    )
    if twice:
        raise Violation(f"a condition is tested twice at once: {twice}")
