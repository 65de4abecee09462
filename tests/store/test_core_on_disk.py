"""The core's saves of a random day go into the real store, and the same core is loaded from it."""

from pathlib import Path

import pytest

from core import test_simulation
from core.same import assert_same
from core.test_simulation import Day
from core.world import ANNA, NOON, World
from lockside.kinds import RESOURCE
from locksided.actors.loader import load_core
from locksided.core.inputs import Input
from locksided.core.saves import PutSpec, Save
from locksided.core.scheduler import Step
from locksided.settings import Settings
from locksided.store import Saves, Store
from locksided.store.catalog.keys import Change, Key
from locksided.store.catalog.objects import put
from locksided.store.transaction import Operation, Transaction

STEPS_BETWEEN_LOOKS = 40
DAYS = 4


class Recording(World):
    """A world that records what each step saved."""

    def __init__(self, **slots: int | None) -> None:
        self.steps: list[list[Save]] = []
        super().__init__(**slots)

    def handle(self, asked: Input) -> Step:
        step = super().handle(asked)
        self.steps.append(step.saves)
        return step


def keep_resources(tx: Transaction, world: World) -> None:
    """Store the resources, whose documents are not among the core's saves."""
    for one in world.disk.resources.values():
        amount = {"units": list(one.units)} if one.units else {"capacity": one.capacity or "infinity"}
        body = {"id": one.id, "shared": one.is_shared, **amount}
        put(tx, Key(one.project, RESOURCE, (one.id,)), body, Change(NOON, ANNA.as_data()))


@pytest.mark.parametrize("seed", range(DAYS))
async def test_after_every_part_of_a_day_the_store_has_the_state_of_the_core(
    store: Store, tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(test_simulation, "World", Recording)
    day = Day(seed + 1000)
    world = day.world
    assert isinstance(world, Recording)
    world.checking = False
    settings = Settings()
    for _ in range(6):
        day.live_through(STEPS_BETWEEN_LOOKS)
        day.find_all_programs()
        for saves in world.steps:
            if saves:
                await store.apply([Saves([one for one in saves if not isinstance(one, PutSpec)])])
        world.steps.clear()
        await store.apply([Operation(lambda tx: keep_resources(tx, world), is_vital=True)])
        loaded = await load_core(store, settings)
        assert_same(loaded.state, world.state)
    assert any(row["type"] != "standard" for row in world.disk.jobs.values())
