"""The memory check reports a core that contradicts itself or differs from the store, with the remedy."""

from collections.abc import AsyncIterator, Callable
from typing import Any

from core.world import World
from locksided.checks.state import memory


class Stored:
    """The store and the actor of a world's core, as far as the check uses them."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.times_read_again = 0

    async def live_jobs(self) -> AsyncIterator[Any]:
        for job in list(self.world.state.jobs.values()):
            yield job

    async def look(self, at: Callable[[Any], Any]) -> Any:
        return at(self.world.scheduler)

    async def read_again(self) -> None:
        self.times_read_again += 1


async def test_a_sound_core_has_no_problems() -> None:
    world = World()
    world.submit("orders")
    stored: Any = Stored(world)
    assert await memory(stored, stored) == []


async def test_a_broken_invariant_is_a_problem_that_is_repaired_by_reading_the_jobs_again() -> None:
    world = World()
    world.submit("orders")
    del world.state.pool("default").running[1]
    stored: Any = Stored(world)
    (problem,) = await memory(stored, stored)
    assert (problem.kind, dict(problem.details)) == ("invariant", {"invariant": "pools"})
    assert problem.message == "The slots of pool default are taken by jobs [1], the pool says []."
    assert "read all live jobs from the database again" in problem.repair
    assert problem.mend is not None
    await problem.mend()
    assert stored.times_read_again == 1
