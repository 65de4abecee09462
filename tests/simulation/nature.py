"""What happens by itself: threads come back, messages arrive, processes begin and end, time passes."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from simulation.daemon import Daemon
from simulation.keeper import Keeper, KeeperDies, Run, Wire
from simulation.workshop import WARNS

if TYPE_CHECKING:
    from simulation.witness import Process
    from simulation.world import World

Happening = partial[str | None]
NOT_YET = "the keeper cannot be reached: it does not start"


def possible(world: "World") -> list[Happening]:
    """Everything that is under way and may come next."""
    found: list[Happening] = []
    daemon, keeper = world.daemon, world.keeper
    if daemon is None:
        found.append(partial(start_daemon, world))
    else:
        found += [partial(come_back, daemon, future) for future in daemon.hops]
        if daemon.is_serving:
            found += _of_link(world, daemon)
    if keeper is not None:
        if keeper.wire is not None and keeper.wire.to_keeper:
            found.append(partial(reach_keeper, world, keeper))
        found += [
            partial(launch, world, keeper, run) for run in keeper.runs.values() if run.state == "starting"
        ]
    return found


def _of_link(world: "World", daemon: Daemon) -> list[Happening]:
    wire = daemon.link.wire
    if wire is None:
        return [partial(connect, world, daemon)]
    if wire.to_daemon:
        return [partial(reach_daemon, daemon, wire)]
    return [partial(hang_up, daemon)] if wire.ended else []


def start_daemon(world: "World") -> str:
    world.daemon = Daemon(world)
    return "The daemon starts."


def come_back(daemon: Daemon, future: object) -> str:
    what = daemon.hops.pop(future)  # type: ignore[call-overload]
    if not future.done():  # type: ignore[attr-defined]
        future.set_result(None)  # type: ignore[attr-defined]
    return f"It comes back: {what}."


def connect(world: "World", daemon: Daemon) -> str:
    """As the real link: a keeper that is not there is started."""
    assert daemon.executors is not None
    if world.keeper is None:
        if world.has_faults and world.random.random() < 0.2:
            daemon.loop.call_soon(daemon.executors.keeper_down, NOT_YET)
            return "The daemon cannot start a keeper."
        world.keeper = Keeper(world.disk, world.witness)
    wire = daemon.link.wire = Wire()
    world.keeper.accept(wire)
    wire.to_keeper.append({"op": "hello"})
    return "The daemon connects to the keeper."


def reach_keeper(world: "World", keeper: Keeper) -> str | None:
    assert keeper.wire is not None
    message = keeper.wire.to_keeper.popleft()
    with_keeper(world, lambda: keeper.take(message))
    return f"The keeper reads: {message['op']} {message.get('token', '')}."


def reach_daemon(daemon: Daemon, wire: Wire) -> str | None:
    message = wire.to_daemon.popleft()
    assert daemon.executors is not None
    if message["op"] == "hello":
        daemon.link.is_up = True
        daemon.link.generation += 1
        daemon.loop.call_soon(daemon.executors.keeper_up, message)
        return f"The daemon hears of {[run['token'] + ' ' + run['state'] for run in message['runs']]}."
    daemon.loop.call_soon(daemon.executors.keeper_said, message)
    return f"The daemon reads: {message['op']} {message.get('token', '')}."


def hang_up(daemon: Daemon) -> str:
    assert daemon.executors is not None
    was_up = daemon.link.is_up
    daemon.link.wire = None
    daemon.link.is_up = False
    cause = "the connection to the keeper ended" if was_up else NOT_YET
    daemon.loop.call_soon(daemon.executors.keeper_down, cause)
    return "The daemon sees that the connection has ended."


def launch(world: "World", keeper: Keeper, run: Run) -> str:
    refusal = None
    if world.has_faults and world.random.random() < 0.06:
        refusal = world.random.choice(["system", "program"])
    with_keeper(world, lambda: keeper.launch(run, refusal, world.now_us))
    if refusal is not None:
        return f"The {refusal} refuses {run.token}."
    world.figures.processes += 1
    return f"The process of {run.token} begins."


def with_keeper(world: "World", work: Callable[[], None]) -> None:
    """Let the keeper do something; it may die over it, or leave when it was told to and that was the last."""
    keeper = world.keeper
    assert keeper is not None
    try:
        work()
    except KeeperDies:
        keeper_dies(world)
        return
    if keeper.is_gone:
        keeper_dies(world)


def keeper_dies(world: "World") -> None:
    keeper = world.keeper
    assert keeper is not None
    if keeper.wire is not None:
        keeper.wire.ended = True
    world.keeper = None
    world.figures.keeper_deaths += 1
    world.note("   the keeper is gone")


# -- operations -------------------------------------------------------------------------------------------


def proceeds(world: "World") -> str | None:
    """One of the things that are under way."""
    happens = world.one_of(possible(world))
    return happens() if happens is not None else None


def settles(world: "World") -> str | None:
    """Everything that is under way comes to its end, first come first served."""
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
    """How many of the hops to a thread are back at once."""
    world.hurry = world.random.choice([0.1, 0.4, 0.7, 0.95])
    return f"From now on {world.hurry:.0%} of what hops to a thread is back at once."


def a_process_ends(world: "World") -> str | None:
    process = world.one_of(list(world.witness.alive.values()))
    if process is None:
        return None
    run = world.keeper.runs.get(process.token) if world.keeper is not None else None
    if run is not None and run.paused and run.stopped_by is None and world.random.random() < 0.9:
        return None
    code = world.random.choice([0, 0, 0, 0, 0, 1, 2, WARNS, None])
    if run is not None and run.stopped_by is None and not run.is_reaping and world.random.random() < 0.05:
        run.stopped_by = "timeout"
    end_process(world, process, code)
    return f"The process of {process.token} ends with {code}."


def end_process(world: "World", process: "Process", code: int | None) -> None:
    world.witness.end(process, code, 9 if code is None else None)
    keeper = world.keeper
    if keeper is None:
        return
    run = keeper.runs.get(process.token)
    if run is not None and run.process is process:
        with_keeper(world, lambda: keeper.tree_is_empty(run, world.now_us))


def a_job_tells_progress(world: "World") -> str | None:
    keeper = world.keeper
    running = [run for run in keeper.runs.values() if run.state == "running"] if keeper is not None else []
    run = world.one_of(running)
    if keeper is None or run is None:
        return None
    with_keeper(world, lambda: keeper.progress(run, round(world.random.random(), 2)))
    return f"{run.token} tells how far it is."


def time_passes(world: "World") -> str | None:
    seconds = world.random.choice([0.001, 0.5, 1.0, 3.0, 30.0])
    return pass_time(world, seconds)


def pass_time(world: "World", seconds: float) -> str:
    world.monotonic_us += round(seconds * 1e6)
    if world.daemon is not None:
        world.daemon.loop.ring()
    return f"{seconds:g} seconds pass."
