"""Faults: daemons, keepers, machines die, disks fail, wires break, clocks jump, reports come twice."""

from typing import TYPE_CHECKING

from simulation.keeper import Release
from simulation.nature import keeper_dies, with_keeper
from simulation.witness import Process

if TYPE_CHECKING:
    from simulation.world import World

HOUR_US = 3_600_000_000


def daemon_crashes(world: "World") -> str | None:
    """SIGKILL, now or a few effects later."""
    daemon = world.daemon
    if daemon is None or daemon.dies_after is not None:
        return None
    world.figures.crashes += 1
    after = world.random.choice([None, 0, 1, 2, 3, 5, 9])
    if after is None:
        daemon.loop.is_dead = True
        return "The daemon is killed."
    daemon.dies_after = after
    return f"The daemon will be killed {after} effects from now."


def keeper_crashes(world: "World") -> str | None:
    keeper = world.one_of([one for one in world.keepers.values() if one.dies_after is None])
    if keeper is None:
        return None
    after = world.random.choice([None, 0, 1, 2, 3, 5])
    if after is None:
        keeper_dies(world, keeper)
        return "The keeper is killed."
    keeper.dies_after = after
    return f"The keeper will be killed {after} effects from now."


def keeper_is_told_to_stop(world: "World") -> str | None:
    keeper = world.one_of([one for one in world.keepers.values() if not one.is_leaving])
    if keeper is None:
        return None
    with_keeper(world, keeper, keeper.leave)
    return "The keeper is told to stop."


def machine_goes_down(world: "World") -> str | None:
    """Every process is gone, and the last unsynced files may be gone, too."""
    lose_power(world)
    for files in (world.disk.claims, world.disk.outcomes):
        for token in list(files)[-3:]:
            if world.random.random() < 0.3:
                del files[token]  # type: ignore[attr-defined]
    return "The machine loses power."


def lose_power(world: "World") -> None:
    """Every process is gone."""
    if world.daemon is not None:
        world.daemon.loop.is_dead = True
    for keeper in list(world.keepers.values()):
        keeper_dies(world, keeper)
    for process in list(world.witness.alive.values()):
        _vanish(world, process)
    world.boots += 1
    world.figures.reboots += 1
    world.witness.of_dead_machines.update(
        token for (token,) in world.disk.rows("SELECT start_token FROM jobs WHERE start_token IS NOT NULL")
    )


def _vanish(world: "World", process: Process) -> None:
    world.witness.end(process, None, 9)


def next_save_fails(world: "World") -> str | None:
    if world.disk.is_full or world.disk.fails_at is not None:
        return None
    world.disk.fails_at = world.random.choice([0, 1, 2, 3, 5, 8])
    return f"The next save will fail at statement {world.disk.fails_at}."


def next_read_fails(world: "World") -> str | None:
    if world.disk.fails_at is not None or world.daemon is None:
        return None
    world.disk.fails_at = -1
    world.daemon.expects_trouble = True
    return "The next read of the store will fail."


def disk_is_full_or_not(world: "World") -> str | None:
    world.disk.is_full = not world.disk.is_full
    if world.disk.is_full:
        return "The disk is full."
    return "The disk has room again."


def disk_has_room(world: "World") -> str | None:
    if not world.disk.is_full:
        return None
    world.disk.is_full = False
    return "The disk has room again."


def connection_breaks(world: "World") -> str | None:
    keeper = world.one_of([one for one in world.keepers.values() if one.wire and not one.wire.ended])
    if keeper is None or keeper.wire is None:
        return None
    keeper.wire.ended = True  # messages sent before are still read
    return "The connection to the keeper breaks."


def lockside_is_upgraded(world: "World") -> str | None:
    """Or downgraded to the previous release; the daemon is restarted, keepers of any release stay."""
    if world.daemon is None:
        return None
    before = world.release.number
    world.release = Release(max(before + world.random.choice([1, 1, -1]), 0))
    world.daemon.loop.is_dead = True
    return f"Release {world.release.number} is installed in place of {before}, and the daemon restarted."


def clock_jumps(world: "World") -> str:
    hours = world.random.choice([-1.0, -0.01, 0.01, 1.0])
    world.offset_us += round(hours * HOUR_US)
    return f"The clock jumps by {hours:g} hours."


def old_news_come_again(world: "World") -> str | None:
    """A report that this daemon already received comes again or late."""
    if not world.is_served:
        return None
    report = world.one_of(world.serving.reports[-12:])
    if report is None:
        return None
    world.serving.loop.call_soon(world.serving.scheduler.tell, report)
    return f"It is reported again: {report}."
