"""The checks are effective: each fault put into the daemon on purpose is detected within a few events."""

import pytest

from simulation.episode import Failure, operations, play
from simulation.figures import Figures
from simulation.mutations import SEEN_BY_A_STORY, SEEN_BY_CHANCE, SEEN_FROM, Mutation
from simulation.scenarios import Scenario
from simulation.shrink import shrunk
from simulation.stage import staged

MOST_EVENTS = 60_000
OPERATIONS = 400


def first_failure(figures: Figures, seed: int = 0) -> tuple[int, Failure] | None:
    """Return the first world, from this one on, that fails within this number of events."""
    while figures.events < MOST_EVENTS:
        failure = play(operations(seed, OPERATIONS), figures)
        if failure is not None:
            return seed, failure
        seed += 1
    return None


@pytest.mark.parametrize("mutation", SEEN_BY_CHANCE, ids=lambda mutation: mutation.__name__)
def test_a_fault_is_detected_in_a_few_worlds(mutation: Mutation) -> None:
    figures = Figures()
    with mutation():
        found = first_failure(figures, SEEN_FROM.get(mutation, 0))
    assert found is not None, f"{figures.text()}: nobody saw it"


@pytest.mark.parametrize(("mutation", "story"), SEEN_BY_A_STORY, ids=lambda one: one.__name__)
def test_a_fault_is_detected_in_its_scenario(mutation: Mutation, story: Scenario) -> None:
    with mutation(), pytest.raises(Exception), staged() as stage:  # noqa: B017, PT011 - any check may see it
        story(stage)


def test_a_failing_story_is_shortened() -> None:
    mutation = SEEN_BY_CHANCE[0]
    with mutation():
        found = first_failure(Figures())
        assert found is not None
        seed, failure = found
        todo = operations(seed, OPERATIONS)
        short = shrunk(todo, failure, tries=150)
        again = play(short, tells=True)
    assert again is not None
    assert again.kind == failure.kind
    assert len(short) <= 12
    assert any("submits" in line for line in again.story)
