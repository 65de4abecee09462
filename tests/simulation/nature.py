"""Events that happen by themselves: threads return, messages arrive, processes begin and end, time passes."""

from collections.abc import Callable
from functools import partial
from math import inf
from typing import TYPE_CHECKING

from simulation.backend import Link
from simulation.daemon import Daemon
from simulation.keeper import Keeper, KeeperDies, Message, Run, Wire
from simulation.runs import BLOCKED, WARNS
from simulation.witness import Violation

if TYPE_CHECKING:
    from simulation.witness import Process
    from simulation.world import World

Happening = partial[str | None]
A_MOMENT_SECONDS = 0.01


def possible(world: "World") -> list[Happening]:
    """Return every pending event that may come next."""
    found: list[Happening] = []
    daemon = world.daemon
    if daemon is None:
        found.append(partial(start_daemon, world))
    else:
        found += [partial(come_back, daemon, future) for future in daemon.hops]
        found += [happens for link in daemon.links for happens in _of_link(daemon, link)]
        if _seconds_to_timer(daemon, world) <= A_MOMENT_SECONDS:
            found.append(partial(a_moment_passes, world, daemon))
    for keeper in world.keepers.values():
        if keeper.wire is not None and keeper.wire.to_keeper:
            found.append(partial(reach_keeper, world, keeper))
        if keeper.unnoted:
            found.append(partial(note, keeper))
        found += [
            partial(launch, world, keeper, run) for run in keeper.runs.values() if run.state == "starting"
        ]
    return found


def _of_link(daemon: Daemon, link: Link) -> list[Happening]:
    wire = link.wire
    if wire is None or link.reading is None:
        return []
    if wire.to_daemon:
        return [partial(reach_daemon, link, wire)]
    return [partial(hang_up, link)] if wire.ended else []


def _seconds_to_timer(daemon: Daemon, world: "World") -> float:
    timer = daemon.loop.next_timer()
    return inf if timer is None else max(timer - world.monotonic_us / 1e6, 0.0)


def a_moment_passes(world: "World", daemon: Daemon) -> str:
    """A moment so short that no other event need come before."""
    return pass_time(world, _seconds_to_timer(daemon, world) + 1e-6)


def start_daemon(world: "World") -> str:
    world.daemon = Daemon(world)
    return "The daemon starts."


def come_back(daemon: Daemon, future: object) -> str:
    what = daemon.hops.pop(future)  # type: ignore[call-overload]
    if not future.done():  # type: ignore[attr-defined]
        future.set_result(None)  # type: ignore[attr-defined]
    return f"It comes back: {what}."


def reach_keeper(world: "World", keeper: Keeper) -> str | None:
    assert keeper.wire is not None
    message = keeper.wire.to_keeper.popleft()
    if message["op"] == "reap":
        _check_reap(world, keeper, message["token"])
    with_keeper(world, keeper, lambda: keeper.take(message))
    return f"The keeper reads: {message['op']} {message.get('token', '')}."


def reach_daemon(link: Link, wire: Wire) -> str | None:
    message = wire.to_daemon.popleft()
    _reads(link, message)
    if message["op"] == "hello":
        return f"The daemon hears of {[run['token'] + ' ' + run['state'] for run in message['runs']]}."
    return f"The daemon reads: {message['op']} {message.get('token', '')}."


def _reads(link: Link, message: Message | None) -> None:
    assert link.reading is not None
    if not link.reading.done():
        link.reading.set_result(message)
    link.reading = None


def hang_up(link: Link) -> str:
    _reads(link, None)
    return "The daemon sees that the connection has ended."


def _check_reap(world: "World", asked: Keeper, token: str) -> None:
    if world.keeper_of(token) not in (None, asked):
        raise Violation(f"{token} is taken for a dead keeper's, and its keeper lives")


def launch(world: "World", keeper: Keeper, run: Run) -> str:
    refusal = None
    if world.has_faults and world.random.random() < 0.06:
        refusal = world.random.choice(["system", "program"])
    with_keeper(world, keeper, lambda: keeper.launch(run, refusal, world.now_us))
    if refusal is not None:
        return f"The {refusal} refuses {run.token}."
    world.figures.processes += 1
    return f"The process of {run.token} begins."


def note(keeper: Keeper) -> str:
    keeper.note_all()
    return "The keeper notes how runs ended."


def with_keeper(world: "World", keeper: Keeper, work: Callable[[], None]) -> None:
    """Let a keeper do something; it may die meanwhile, or exit if it was told to and has nothing left."""
    try:
        work()
    except KeeperDies:
        keeper_dies(world, keeper)
        return
    if keeper.is_gone:
        keeper.note_all()
        keeper_dies(world, keeper)


def keeper_dies(world: "World", keeper: Keeper) -> None:
    if keeper.wire is not None:
        keeper.wire.ended = True
    del world.keepers[keeper.release.path]
    world.figures.keeper_deaths += 1
    world.note("   the keeper is gone")


# -- operations -------------------------------------------------------------------------------------------


def proceeds(world: "World") -> str | None:
    """Let one pending event happen."""
    happens = world.one_of(possible(world))
    return happens() if happens is not None else None


def settles(world: "World") -> str | None:
    """Let all pending events happen, in the order of their arrival."""
    count = 0
    while happenings := possible(world):
        world.note(f"   {happenings[count % len(happenings)]()}")
        world.let_daemon_run()
        world.figures.events += 1
        count += 1
        if count > 2000:
            raise AssertionError("it never settles")
    return "Everything under way is done." if count else None


def machine_is_faster_or_slower(world: "World") -> str:
    """Set the share of hops to a thread that return at once."""
    world.hurry = world.random.choice([0.1, 0.4, 0.7, 0.95])
    return f"From now on {world.hurry:.0%} of what hops to a thread is back at once."


def a_process_ends(world: "World") -> str | None:
    process = world.one_of(list(world.witness.alive.values()))
    if process is None:
        return None
    runs = (keeper.runs.get(process.token) for keeper in world.keepers.values())
    run = next((run for run in runs if run is not None), None)
    if run is not None and run.paused and run.stopped_by is None and world.random.random() < 0.9:
        return None
    code = world.random.choice([0, 0, 0, 0, 0, 1, 2, WARNS, BLOCKED, None])
    if run is not None and run.stopped_by is None and not run.is_reaping and world.random.random() < 0.05:
        run.stopped_by = "timeout"
    end_process(world, process, code)
    return f"The process of {process.token} ends with {code}."


def end_process(world: "World", process: "Process", code: int | None) -> None:
    world.witness.end(process, code, 9 if code is None else None)
    for keeper in list(world.keepers.values()):
        run = keeper.runs.get(process.token)
        if run is not None and run.process is process:
            with_keeper(world, keeper, partial(keeper.tree_is_empty, run, world.now_us))


def a_job_tells_progress(world: "World") -> str | None:
    running = [
        (keeper, run)
        for keeper in world.keepers.values()
        for run in keeper.runs.values()
        if run.state == "running"
    ]
    found = world.one_of(running)
    if found is None:
        return None
    keeper, run = found
    with_keeper(world, keeper, lambda: keeper.progress(run, round(world.random.random(), 2)))
    return f"{run.token} tells how far it is."


def an_idle_keeper_leaves(world: "World") -> str | None:
    """A keeper without runs exits after a while without a daemon."""
    idle = [one for one in world.keepers.values() if not one.runs and (one.wire is None or one.wire.ended)]
    keeper = world.one_of(idle)
    if keeper is None:
        return None
    keeper_dies(world, keeper)
    return "A keeper without anything to do leaves."


def time_passes(world: "World") -> str | None:
    seconds = world.random.choice([0.001, 0.5, 1.0, 3.0, 30.0])
    return pass_time(world, seconds)


def a_while_passes(world: "World") -> str:
    """A time so long that many moments of schedules become due."""
    return pass_time(world, world.random.choice([60.0, 600.0, 4000.0]))


def pass_time(world: "World", seconds: float) -> str:
    world.monotonic_us += round(seconds * 1e6)
    if world.daemon is not None:
        world.daemon.loop.ring()
    return f"{seconds:g} seconds pass."
