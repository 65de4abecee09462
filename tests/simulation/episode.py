"""One story of a world: a seed gives a list of operations; then faults stop and all jobs must become final.

An operation is a name and a number; each is complete in itself, so any can be left out of a story.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from core.explanations import all_reasons
from lockside.kinds import SCHEDULE
from locksided.api.reasons import sentences
from locksided.core import inputs as i
from simulation import asides, faults, makers, nature, recovery, wishes
from simulation.daemon import surroundings
from simulation.figures import Figures
from simulation.follower import check_counted
from simulation.people import ROOT, Request
from simulation.world import Violation, World

Operation = tuple[str, int]
MOST_ROUNDS = 3000

NATURE: dict[str, tuple[int, Callable[[World], str | None]]] = {
    "proceeds": (300, nature.proceeds),
    "settles": (2, nature.settles),
    "faster or slower": (3, nature.machine_is_faster_or_slower),
    "a process ends": (60, nature.a_process_ends),
    "progress": (6, nature.a_job_tells_progress),
    "time passes": (30, nature.time_passes),
    "a while passes": (5, nature.a_while_passes),
    "an idle keeper leaves": (3, nature.an_idle_keeper_leaves),
}
PEOPLE: dict[str, tuple[int, Callable[[World], str | None]]] = {
    "submits": (45, wishes.submits),
    "submits a tree": (12, wishes.submits_a_tree),
    "sends again": (10, wishes.sends_again),
    "hangs up": (5, wishes.hangs_up),
    "terminates": (9, wishes.terminates),
    "holds": (4, wishes.holds),
    "releases": (6, wishes.releases),
    "pauses": (4, wishes.pauses),
    "resumes": (6, wishes.resumes),
    "reprioritises": (5, wishes.reprioritises),
    "amends": (5, wishes.amends),
    "retries": (4, wishes.retries),
    "changes a pool": (8, wishes.changes_a_pool),
    "drains or not": (2, wishes.drains_or_not),
    "a job waits": (3, wishes.a_job_waits),
    "asks why": (3, wishes.asks_why),
    "purges": (4, wishes.purges),
    "retention": (1, wishes.retention_goes_round),
    "lets blocked jobs go": (3, recovery.lets_go),
    "aside": (15, asides.asks_for_an_aside),
    "puts a schedule": (12, makers.puts_a_schedule),
    "puts a trigger": (6, makers.puts_a_trigger),
    "deletes a schedule or trigger": (2, makers.deletes_a_maker),
}
FAULTS: dict[str, tuple[int, Callable[[World], str | None]]] = {
    "daemon crashes": (6, faults.daemon_crashes),
    "keeper crashes": (3, faults.keeper_crashes),
    "keeper is told to stop": (1, faults.keeper_is_told_to_stop),
    "machine goes down": (1, faults.machine_goes_down),
    "next save fails": (5, faults.next_save_fails),
    "next read fails": (3, faults.next_read_fails),
    "disk is full or not": (2, faults.disk_is_full_or_not),
    "disk has room": (8, faults.disk_has_room),
    "lockside is upgraded": (2, faults.lockside_is_upgraded),
    "connection breaks": (2, faults.connection_breaks),
    "clock jumps": (1, faults.clock_jumps),
    "a zone changes": (1, makers.a_zone_changes),
    "old news come again": (6, faults.old_news_come_again),
}
ALL = NATURE | PEOPLE | FAULTS


def operations(seed: int, number: int) -> list[Operation]:
    """Return the operations of a seed."""
    random = Random(seed)
    names = random.choices(list(ALL), [weight for weight, _ in ALL.values()], k=number)
    return [(name, random.getrandbits(32)) for name in names]


@dataclass
class Failure:
    """A failure, its operation (None: after all of them), and the story until then."""

    error: BaseException
    at: int | None
    story: list[str]

    @property
    def kind(self) -> str:
        """Return what two failures of the same cause have in common."""
        first = str(self.error).partition("\n")[0]
        return f"{type(self.error).__name__} {''.join(one for one in first if one.isalpha() or one == ' ')}"


def play(
    todo: list[Operation], figures: Figures | None = None, *, tells: bool = False, heals: bool = True
) -> Failure | None:
    """Perform the operations, then let everything become final; returns the failure, if any."""
    world = World(figures, tells=tells)
    world.figures.worlds += 1
    at: int | None = None
    with surroundings(world):
        try:
            for at, operation in enumerate(todo):  # noqa: B007 - needed after an error
                perform(world, operation)
            at = None
            if heals:
                end_well(world)
        except Exception as error:  # noqa: BLE001 - whatever is raised here is what was looked for
            return Failure(error, at, world.story or [])
        finally:
            if world.daemon is not None:
                world.daemon.kill()
    return None


def perform(world: World, operation: Operation) -> None:
    name, number = operation
    if name in PEOPLE and not world.is_served:
        return
    world.random.seed(number)
    place = len(world.story) if world.story is not None else 0
    told = ALL[name][1](world)
    if told is None:
        return
    world.figures.events += 1
    if world.story is not None:
        world.story.insert(place, told)
    world.let_daemon_run()


def end_well(world: World) -> None:
    """Check that without faults every job becomes final within bounded rounds, and nothing is left behind."""
    world.note("-- From here on nothing fails any more.")
    world.has_faults = False
    world.disk.is_full = False
    world.disk.fails_at = None
    if world.daemon is not None:
        world.daemon.dies_after = None
    for keeper in world.keepers.values():
        keeper.dies_after = None
    world.random.seed(1)
    rounds = 0
    while not _is_quiet(world):
        rounds += 1
        if rounds > MOST_ROUNDS:
            raise Violation(f"still not final: {_unfinished(world)}")
        _go_on(world)
    check_nothing_left(world)


def _is_quiet(world: World) -> bool:
    return (
        world.is_served
        and not world.state.jobs
        and not world.disk.rows("SELECT 1 FROM asides")
        and not nature.possible(world)
        and not world.witness.alive
        and world.serving.scheduler.trouble is None
        and not any(keeper.runs for keeper in world.keepers.values())
    )


def _unfinished(world: World) -> str:
    rows = world.disk.rows("SELECT id, status, start_token FROM jobs WHERE end_us IS NULL")
    runs = [run.describe() for keeper in world.keepers.values() for run in keeper.runs.values()]
    reasons = [
        (job.id, sorted({sentences(reason)[0] for reason in found}))
        for job, found in all_reasons(world.state)
    ]
    return f"{rows}, reasons {reasons}, processes {list(world.witness.alive.values())}, runs {runs}"


def _go_on(world: World) -> None:
    """Advance pending events first, then what people keep back, then processes, then time."""
    happenings = nature.possible(world)
    if happenings:
        world.one_of(happenings)()  # type: ignore[misc]
    elif _let_go(world):
        world.note("Root lets everything go.")
    elif world.witness.alive:
        nature.a_process_ends(world)
    else:
        assert world.daemon is not None
        timer = world.daemon.loop.next_timer()
        assert timer is not None, f"nobody waits for anything: {_unfinished(world)}"
        nature.pass_time(world, max(timer - world.monotonic_us / 1e6, 0) + 1e-6)
    world.figures.events += 1
    world.let_daemon_run()


def _let_go(world: World) -> bool:
    """Release what people keep back; returns whether there was anything."""
    state = world.state
    if world.serving.scheduler.trouble is not None:
        return False
    wishes: list[i.Input] = [i.Release(job.id, ROOT) for job in state.jobs.values() if job.held is not None]
    wishes += [
        i.Resume(job.id, ROOT)
        for job in state.jobs.values()
        if job.run is not None and job.run.paused_since_us is not None and not job.run.stop_asked
    ]
    wishes += [i.ResumePool(pool.id, ROOT) for pool in state.pools.values() if pool.paused_by is not None]
    wishes += [
        i.PutPool(pool.id, 3, pool.executor, "", ROOT)
        for pool in state.pools.values()
        if pool.slots is not None and pool.slots < 3  # some jobs take three slots
    ]
    if state.draining is not None:
        wishes.append(i.Undrain(ROOT))
    for wish in wishes:
        world.people.send(Request(wish))
    return _stop_schedules(world) or bool(wishes)


def _stop_schedules(world: World) -> bool:
    """Delete the schedules, which could fire forever; returns whether there were any."""
    found = world.disk.rows("SELECT id FROM schedules")
    for (name,) in found:
        makers.delete(world, SCHEDULE, name)
    return bool(found)


def check_nothing_left(world: World) -> None:
    """Check that no index has a job left, every answer was true, and the disk has the same state."""
    state = world.state
    left = (state.gates, state.dependants, state.descendants, state.no_pool.running, state.waits)
    if any(left):
        raise Violation(f"something is left of jobs that are final: {left}")
    world.people.check_answers()
    asides.check_all_delivered(world)
    world.compare(world.serving.core)  # type: ignore[arg-type]
    check_counted(world.disk, is_over=True)
    world.ledgers.check_over()
