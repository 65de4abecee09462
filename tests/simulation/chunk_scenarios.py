"""Scenarios of jobs that are cut into chunks: whenever the daemon dies, the chunks are created once."""

from dataclasses import replace

from core.trees import PLAIN, of_rows, phase
from locksided.core.model import Draft
from simulation.scenarios import Scenario
from simulation.stage import Stage


def cut() -> Draft:
    """Return a job that is cut; the report of its splitter follows from the id of that job."""
    phases = phase("splitter", PLAIN)[0], phase("chunks")[0], phase("assembler", PLAIN)[0]
    ordered = [replace(one, after=(place - 1,) if place else ()) for place, one in enumerate(phases)]
    return of_rows("cut", ordered, None)


SPLITTER = 15
"""Such a job has one step and, when it ends well, three chunks."""


def _splits(stage: Stage) -> None:
    for _ in range(SPLITTER - 3):
        stage.submit(held=True)
    stage.submit(cut())
    stage.settle()
    assert stage.status(SPLITTER) == "processing"


def _chunks(stage: Stage) -> int:
    return int(stage.world.disk.rows("SELECT count(*) FROM jobs WHERE name LIKE 'chunk %'")[0][0])


def a_splitter_that_ends_while_there_is_no_daemon(stage: Stage) -> None:
    """The end is reported to the next daemon, which creates the chunks."""
    _splits(stage)
    stage.kill_daemon()
    stage.ends(f"{SPLITTER}-1-0")
    stage.settle()
    assert _chunks(stage) == 3


def a_daemon_that_dies_while_the_chunks_are_saved(stage: Stage) -> None:
    """Either all chunks exist or none, and they are created once."""
    _splits(stage)
    with stage.slow():
        stage.ends(f"{SPLITTER}-1-0")
        stage.step("reach_daemon")
        stage.settle(but="'a save'")
        stage.kill_daemon()
    assert _chunks(stage) in (0, 3)
    stage.settle()
    assert _chunks(stage) == 3


CHUNK_SCENARIOS: list[Scenario] = [
    a_splitter_that_ends_while_there_is_no_daemon,
    a_daemon_that_dies_while_the_chunks_are_saved,
]
