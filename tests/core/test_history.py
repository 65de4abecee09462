"""A fault in the core is reported with the job, its last inputs and its last transitions."""

from unittest.mock import patch

import pytest

from core.world import NOON, SECOND, World
from lockside.documents.enums import Status
from locksided.core import history, lifecycle
from locksided.core import inputs as i
from locksided.core.errors import Refused
from locksided.core.history import History
from locksided.core.transitions import IllegalTransition
from locksided.core.turn import Turn


def illegal(world: World, job: int) -> IllegalTransition:
    with pytest.raises(IllegalTransition) as raised:
        Turn(world.state, world.now_us).move(world.job(job), Status.CANCELLED, "by mistake")
    return raised.value


def test_an_illegal_transition_is_reported_with_the_job_and_the_inputs_that_led_to_it() -> None:
    world = World()
    first, job = world.submit("orders"), world.submit("orders")
    world.advance(2)
    world.ends(first)
    world.advance(3)
    world.spawned(job)
    fault = illegal(world, job)
    assert (fault.job_id, fault.current, fault.following) == (job, Status.PROCESSING, Status.CANCELLED)
    assert fault.story[0].startswith(f"job {job}: type=standard, status=processing, project=default")
    assert "token=2-1-0" in fault.story[0]
    assert fault.story[1:] == (
        "-5.000000 s created -> waiting (other_jobs) during Submit",
        f"-3.000000 s waiting -> processing (admitted) during Finished of job {first}, token 1-1-0",
        f"+0.000000 s Spawned of job {job}, token 2-1-0",
    )
    assert all(line in str(fault) for line in fault.story)


def test_only_the_last_entries_of_a_job_are_reported() -> None:
    world = World()
    job = world.submit()
    for _ in range(history.LAST_ENTRIES):
        world.pause(job)
        world.resume(job)
    assert len(illegal(world, job).story) == 1 + history.LAST_ENTRIES


def test_the_record_of_all_jobs_is_bounded() -> None:
    record = History()
    for number in range(3 * history.KEPT):
        record.add_input(number, i.Hold(number, None))  # type: ignore[arg-type]
    assert len(record._entries) == history.KEPT


def test_an_input_is_recorded_without_its_values() -> None:
    record = History()
    record.add_input(NOON, i.Progressed(7, "7-1-0", 0.5, "the password is swordfish"))
    assert "swordfish" not in record.last_input()


def test_any_other_fault_is_reported_with_the_job_that_the_input_named() -> None:
    world = World()
    job = world.submit()
    world.now_us += SECOND
    with (
        patch.object(lifecycle, "_count_start", side_effect=ZeroDivisionError("by mistake")),
        pytest.raises(ZeroDivisionError) as raised,
    ):
        world.spawned(job)
    (note,) = raised.value.__notes__
    assert note.startswith(f"during Spawned of job {job}, token 1-1-0\n  job {job}: type=standard")
    assert "-1.000000 s created -> processing (admitted) during Submit" in note


def test_a_refusal_is_not_a_fault_and_has_no_history() -> None:
    with pytest.raises(Refused) as raised:
        World().hold(99)
    assert not hasattr(raised.value, "__notes__")
