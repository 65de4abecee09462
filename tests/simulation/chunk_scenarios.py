"""Stories of jobs that are cut into chunks: whenever the daemon dies, the chunks are made once."""

from dataclasses import replace

from core.trees import PLAIN, of_rows, phase
from locksided.core.model import Draft
from simulation.runs import never_starts, steps_of
from simulation.scenarios import Scenario
from simulation.stage import Stage


def cut() -> Draft:
    """A job that is cut; what its splitter reports to have made follows from that job's id."""
    phases = phase("splitter", PLAIN)[0], phase("chunks")[0], phase("assembler", PLAIN)[0]
    ordered = [replace(one, after=(place - 1,) if place else ()) for place, one in enumerate(phases)]
    return of_rows("cut", ordered, None)


def _splitting(stage: Stage) -> tuple[int, int]:
    """A job that is cut, whose splitter has a number of two or three chunks; its id and the splitter's."""
    while True:
        stage.submit(cut())
        stage.settle()
        (container,) = stage.world.disk.rows("SELECT max(id) FROM jobs WHERE type = 'container'")[0]
        if (container + 2) % 4 >= 2 and steps_of(container + 2) == 1 and not never_starts(container + 2):
            return container, container + 2


def _chunks(stage: Stage) -> int:
    return int(stage.world.disk.rows("SELECT count(*) FROM jobs WHERE name LIKE 'chunk %'")[0][0])


def a_splitter_that_ends_while_there_is_no_daemon(stage: Stage) -> None:
    """Its end is told to the next one, which makes the chunks."""
    _, splitter = _splitting(stage)
    before = _chunks(stage)
    stage.kill_daemon()
    stage.ends(f"{splitter}-1-0")
    stage.settle()
    assert _chunks(stage) == before + splitter % 4


def a_daemon_that_dies_while_the_chunks_are_saved(stage: Stage) -> None:
    """None of them is there or all are, and they are made once."""
    _, splitter = _splitting(stage)
    before = _chunks(stage)
    with stage.slow():
        stage.ends(f"{splitter}-1-0")
        stage.step("reach_daemon")
        stage.settle(but="'a save'")
        stage.kill_daemon()
    assert _chunks(stage) in (before, before + splitter % 4)
    stage.settle()
    assert _chunks(stage) == before + splitter % 4


CHUNK_SCENARIOS: list[Scenario] = [
    a_splitter_that_ends_while_there_is_no_daemon,
    a_daemon_that_dies_while_the_chunks_are_saved,
]
