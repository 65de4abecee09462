"""The table of transitions: what it allows, and that no status is set in another way."""

from itertools import pairwise, product
from typing import get_args

import pytest

from core.world import World
from lockside.documents.enums import Status
from locksided.core import inputs as i
from locksided.core.errors import Refused
from locksided.core.jobs import Job
from locksided.core.scheduler import HANDLERS
from locksided.core.state import State
from locksided.core.transitions import (
    CAUSES,
    FINAL,
    NOT_STARTED,
    STARTED,
    IllegalTransition,
    diagram,
)
from locksided.core.turn import Turn

TABLE = """
    created     -> waiting, processing, terminating, cancelled, error
    waiting     -> created, processing, terminating, cancelled, error
    processing  -> success, warning, error, terminating, created
    terminating -> terminated, cancelled
"""


def allowed() -> set[tuple[str, str]]:
    pairs = set()
    for line in TABLE.strip().splitlines():
        before, _, following = line.partition("->")
        pairs |= {(before.strip(), after.strip()) for after in following.split(",")}
    return pairs


ALL_PAIRS = [(a.value, b.value) for a, b in product(Status, Status)]


@pytest.mark.parametrize(("before", "after"), ALL_PAIRS)
def test_only_the_pairs_of_the_table_are_transitions(before: str, after: str) -> None:
    state = State()
    job = Job(1, "default", 1000, state.no_demand, 0)
    job.status = Status(before)
    if (before, after) in allowed():
        Turn(state, 0).move(job, Status(after), "as the table says")
        assert job.status == after
        assert CAUSES[Status(before), Status(after)]
        assert f"    {before} --> {after}" in diagram()
        return
    assert (Status(before), Status(after)) not in CAUSES
    with pytest.raises(IllegalTransition, match=f"job 1 cannot go from {before} to {after}"):
        Turn(state, 0).move(job, Status(after), "by mistake")
    assert job.status == before


def test_a_step_that_tries_another_pair_raises_an_error_that_names_the_job() -> None:
    world = World()
    job = world.job(world.submit())
    with pytest.raises(IllegalTransition, match=f"job {job.id} cannot go from processing to cancelled"):
        Turn(world.state, 0).move(job, Status.CANCELLED, "by mistake")
    assert job.status is Status.PROCESSING


def test_every_status_is_not_started_started_or_final() -> None:
    assert set(Status) == NOT_STARTED | STARTED | FINAL
    assert len(NOT_STARTED) + len(STARTED) + len(FINAL) == len(Status)
    assert {status.value for status in FINAL} == {"success", "warning", "error", "cancelled", "terminated"}


def make(world: World, status: str) -> int:
    """Return a job with that status."""
    world.submit("taken")
    job = world.submit("taken" if status == "waiting" else None, held=status in ("created", "cancelled"))
    if status in ("terminating", "terminated", "success", "warning", "error"):
        world.spawned(job)
    if status in ("terminating", "terminated", "cancelled"):
        world.terminate(job)
    if status in ("success", "warning", "error", "terminated"):
        world.ends(job, status=status if status != "terminated" else "success")
    assert world.status(job) == status
    return job


ACTIONS = {
    "terminate": lambda world, job: world.terminate(job),
    "hold": lambda world, job: world.hold(job),
    "release": lambda world, job: world.release(job),
    "pause": lambda world, job: world.pause(job),
    "resume": lambda world, job: world.resume(job),
    "reprioritise": lambda world, job: world.reprioritise(job, 9),
    "depend": lambda world, job: world.submit(after=[job]),
    "parent": lambda world, job: world.submit(parent=job),
    "wait": lambda world, job: world.wait(1, job),
}


@pytest.mark.parametrize("status", [status.value for status in Status])
@pytest.mark.parametrize("action", ACTIONS)
def test_a_job_makes_only_transitions_of_the_table_whatever_callers_ask(status: str, action: str) -> None:
    world = World()
    job = make(world, status)
    try:
        ACTIONS[action](world, job)
    except Refused:
        assert world.status(job) == status
    history = world.history(job)
    assert set(pairwise(history)) <= allowed()
    if Status(status) in FINAL:
        assert world.status(job) == status


def test_every_input_has_its_handler() -> None:
    assert set(HANDLERS) == set(get_args(i.Input))
