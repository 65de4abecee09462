"""Random worlds; LOCKSIDE_SIMULATION_EVENTS=1000000 simulates this number of events.

Every world first runs with faults and all checks after every step (safety); then the faults stop and every
job must become final (liveness). A failing world is reported with its seed and a shortened story;
LOCKSIDE_SIMULATION_WORLD repeats the world of a seed.
"""

import os
from collections.abc import Callable

import pytest

from simulation.episode import operations, play
from simulation.figures import Figures
from simulation.shrink import scenario, shrunk

EVENTS = int(os.environ.get("LOCKSIDE_SIMULATION_EVENTS", "36000"))
WORLD = os.environ.get("LOCKSIDE_SIMULATION_WORLD")
OPERATIONS = 400
IN_A_SLICE = 12_000
SEEDS_OF_A_SLICE = 1_000_000
SLICES = 1 if WORLD else -(-EVENTS // IN_A_SLICE)


@pytest.mark.parametrize("number", range(SLICES))
def test_whatever_happens_every_promise_is_kept_and_every_job_becomes_final(
    number: int, record_property: Callable[[str, object], None]
) -> None:
    figures = Figures()
    seed = int(WORLD) if WORLD else number * SEEDS_OF_A_SLICE
    while figures.events < (1 if WORLD else IN_A_SLICE):
        live_through(seed, figures)
        seed += 1
    record_property("figures", figures.as_data())
    assert figures.jobs > figures.events // 150, "hardly anything happened"


def live_through(seed: int, figures: Figures) -> None:
    todo = operations(seed, OPERATIONS)
    failure = play(todo, figures)
    if failure is not None:
        short = shrunk(todo, failure)
        story = f"LOCKSIDE_SIMULATION_WORLD={seed} shows it again. In short:\n{scenario(short)}"
        pytest.fail(f"{failure.error!r}\n{story}", pytrace=False)


def test_a_seed_always_tells_the_same_story() -> None:
    stories = [play(operations(7, OPERATIONS), tells=True, heals=True) for _ in range(2)]
    assert stories == [None, None]
    first, second = Figures(), Figures()
    play(operations(7, OPERATIONS), first)
    play(operations(7, OPERATIONS), second)
    assert first == second
