"""The cost of a container's rows: the last of many costs as much as the first of few."""

import tracemalloc
from dataclasses import replace

from core.crowds import FEW, MANY
from core.test_cost import SLACK, counted_calls
from core.trees import PLAIN
from core.world import ANNA, NOON, SECOND
from lockside.documents.enums import JobType, OnError, Status
from locksided.core import inputs as i
from locksided.core.model import Draft
from locksided.core.scheduler import Scheduler
from locksided.core.state import State

AT_ONCE = 8
BYTES_OF_A_WAITING_ROW = 500


def container(number: int, at_once: int | None = AT_ONCE) -> Draft:
    row = replace(PLAIN, on_error=OnError.WARNING)
    return replace(PLAIN, type=JobType.CONTAINER, parallelism=at_once, children=(row,) * number)


def core(slots: int | None = AT_ONCE) -> Scheduler:
    scheduler = Scheduler(State())
    scheduler.handle(i.PutPool("default", slots, "local", "", ANNA), NOON)
    return scheduler


def submit(scheduler: Scheduler, draft: Draft) -> int:
    (job_id,) = scheduler.handle(i.Submit((draft,), ANNA), NOON).answer
    scheduler.saved()
    return int(job_id)


def end_first(scheduler: Scheduler, status: Status = Status.SUCCESS) -> None:
    job = next(iter(scheduler.state.pools["default"].running.values()))
    assert job.run is not None
    assert job.run.token is not None
    scheduler.handle(i.Finished(job.id, job.run.token, status, {}), NOON + SECOND)
    scheduler.saved()


def calls_of_ends(scheduler: Scheduler, number: int = 20) -> int:
    with counted_calls() as counted:
        for _ in range(number):
            end_first(scheduler)
            end_first(scheduler, Status.ERROR)
    return counted[0]


def test_the_end_of_a_row_costs_no_more_among_many_than_among_few() -> None:
    few, many = core(), core()
    submit(few, container(FEW))
    submit(many, container(MANY))
    first_few, first_many = calls_of_ends(few), calls_of_ends(many)
    for _ in range(MANY - 200):
        end_first(many, Status.ERROR)
    last_many = calls_of_ends(many)
    print(f"\ncalls for 40 ends: {first_few} of {FEW}, {first_many} of {MANY}, {last_many} of its last ones")
    assert first_many <= first_few * SLACK
    assert last_many <= first_few * SLACK


def test_a_limit_above_the_slots_does_not_make_the_end_of_a_row_more_expensive() -> None:
    few, many = core(), core()
    submit(few, container(FEW, at_once=200))
    submit(many, container(MANY, at_once=MANY // 2))
    assert calls_of_ends(many) <= calls_of_ends(few) * SLACK


def test_decisions_on_other_jobs_cost_no_more_beside_many_rows() -> None:
    calls = []
    for number in (FEW, MANY):
        scheduler = core()
        submit(scheduler, container(number))
        with counted_calls() as counted:
            job = submit(scheduler, replace(PLAIN, lock_key="a", priority=10))
            scheduler.handle(i.Hold(job, ANNA), NOON)
            scheduler.handle(i.Release(job, ANNA), NOON)
            end_first(scheduler)
            scheduler.handle(i.TimePassed(), NOON)
            scheduler.next_deadline_us()
        calls.append(counted[0])
    assert calls[1] <= calls[0] * SLACK


def test_a_waiting_row_takes_few_bytes_and_an_ended_one_none() -> None:
    scheduler = core()
    submit(scheduler, container(FEW))  # the history of the newest inputs reaches its bound here,
    while scheduler.state.jobs:
        end_first(scheduler)  # and not during the measurement
    draft = container(MANY)
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    submit(scheduler, draft)
    waiting, _ = tracemalloc.get_traced_memory()
    for _ in range(MANY - AT_ONCE):
        end_first(scheduler)
    ended, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    print(
        f"\nbytes of a waiting row: {(waiting - before) / MANY:.0f}, of an ended one: "
        f"{(ended - before) / MANY:.0f}"
    )
    assert (waiting - before) / MANY <= BYTES_OF_A_WAITING_ROW
    assert (ended - before) / MANY <= BYTES_OF_A_WAITING_ROW / 3


def test_a_preview_of_the_end_of_many_rows_names_all_that_would_be_cancelled() -> None:
    scheduler = core()
    job = submit(scheduler, container(MANY))
    preview = scheduler.preview_termination(job, NOON)
    assert len(preview.cancelled) == MANY - AT_ONCE
    assert len(scheduler.state.jobs) == MANY + 1
