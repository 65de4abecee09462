"""A job's own reasons to wait: a start time, a hold, dependencies; and all three at once."""

import pytest

from core.crowds import CROWD
from core.explanations import details
from core.world import ANNA, NOON, SECOND, World
from lockside.documents.enums import Status
from locksided.core import inputs as i
from locksided.core.errors import Conflict, InvalidTransition, NotFound
from locksided.core.model import Condition, Dependency

# -- start times ------------------------------------------------------------------------------------------


def test_a_delayed_job_starts_when_its_time_comes() -> None:
    world = World()
    job = world.submit(delay=30)
    assert world.status(job) == "created"
    assert world.reasons(job) == {"start_time"}
    assert world.scheduler.next_deadline_us() == NOON + 30 * SECOND
    world.advance(29.9)
    assert world.status(job) == "created"
    world.advance(0.1)
    assert world.started() == [job]
    assert world.scheduler.next_deadline_us() is None


def test_a_start_time_in_the_past_delays_nothing() -> None:
    world = World()
    assert world.status(world.submit(delay=0)) == "processing"
    assert world.status(world.submit(delay=-5)) == "processing"


def test_a_delayed_job_does_not_stand_in_line() -> None:
    world = World()
    first = world.submit("orders", delay=10)
    second = world.submit("orders")
    assert world.status(second) == "processing"
    world.advance(10)
    assert world.reasons(first) == {"config_lock"}
    assert world.status(first) == "waiting"


def test_a_delayed_job_takes_the_place_of_its_age() -> None:
    world = World()
    running = world.submit("orders")
    delayed = world.submit("orders", delay=10)
    younger = world.submit("orders")
    world.advance(10)
    world.ends(running)
    assert world.started() == [delayed]
    assert world.status(younger) == "waiting"


def test_a_start_time_that_was_reached_stays_reached_over_a_restart() -> None:
    world = World(default=0)
    job = world.submit(delay=10)
    world.advance(10)
    assert world.reasons(job) == {"pool_paused"}
    world.crash()
    world.handle_nothing()
    assert world.reasons(job) == {"pool_paused"}


def test_the_timer_of_a_terminated_job_sets_no_deadline() -> None:
    world = World()
    job = world.submit(delay=10)
    other = world.submit(delay=20)
    world.terminate(job)
    assert world.scheduler.next_deadline_us() == NOON + 20 * SECOND
    world.advance(20)
    assert world.started() == [other]


def test_a_clock_that_was_set_back_makes_a_delayed_job_wait_again_for_its_time() -> None:
    world = World()
    job = world.submit(delay=10)
    world.now_us -= 3600 * SECOND
    world.handle_nothing()
    assert world.reasons(job) == {"start_time"}
    world.advance(3610)
    assert world.started() == [job]


# -- holds ------------------------------------------------------------------------------------------------


def test_a_held_job_waits_for_its_release_and_keeps_its_place() -> None:
    world = World()
    running = world.submit("orders")
    held, other = world.submit("orders"), world.submit("orders")
    world.hold(held)
    assert world.status(held) == "created"
    assert world.reasons(held) == {"held"}
    assert world.why(other)["config_lock"].ahead == 0
    world.release(held)
    assert world.statuses(held, other) == ["waiting", "waiting"]
    world.ends(running)
    assert world.started() == [held]


def test_a_job_can_be_held_from_the_start() -> None:
    world = World()
    job = world.submit(held=True)
    assert world.reasons(job) == {"held"}
    assert world.row(job)["held_by"] == "anna"
    world.release(job)
    assert world.started() == [job]


def test_holding_and_releasing_twice_change_nothing() -> None:
    world = World()
    job = world.submit(held=True)
    world.advance(5)
    world.hold(job)
    assert world.job(job).held is not None
    assert world.why(job)["held"].since_us == NOON
    world.release(job)
    waiting = world.submit(held=True, delay=5)
    world.release(waiting)
    world.release(waiting)
    assert len(world.events("job.released", waiting)) == 1


def test_a_held_head_lets_the_next_job_start() -> None:
    world = World(default=1)
    running = world.submit()
    head, second = world.submit("orders"), world.submit("orders")
    world.hold(head)
    assert world.status(second) == "created"
    world.ends(running)
    assert world.started() == [second]


def test_a_head_that_is_held_and_released_while_its_pool_is_paused_still_starts() -> None:
    world = World()
    world.pause_pool()
    job = world.submit("orders")
    for _ in range(5):
        world.hold(job)
        world.release(job)
    world.resume_pool()
    assert world.started() == [job]


def test_a_started_job_can_neither_be_held_nor_released() -> None:
    world = World()
    job = world.submit()
    with world.refused(InvalidTransition, "can be held"):
        world.hold(job)
    with world.refused(InvalidTransition, "can be released"):
        world.release(job)
    world.ends(job)
    with world.refused(NotFound, "no live job"):
        world.hold(job)


def test_a_job_kept_back_in_three_ways_waits_for_all_three() -> None:
    world = World()
    other = world.submit()
    job = world.submit("orders", after=[other], delay=10, held=True)
    assert world.reasons(job) == {"dependency", "start_time", "held"}
    assert world.status(job) == "waiting"
    world.release(job)
    assert world.reasons(job) == {"dependency", "start_time"}
    world.advance(10)
    assert world.reasons(job) == {"dependency"}
    world.hold(job)
    world.ends(other)
    assert world.reasons(job) == {"held"}
    assert world.status(job) == "created"
    world.release(job)
    assert world.started() == [job]


# -- dependencies -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ending", "when", "outcome"),
    [
        ("success", "success", "processing"),
        ("warning", "success", "processing"),
        ("error", "success", "cancelled"),
        ("success", "final", "processing"),
        ("error", "final", "processing"),
        ("success", "failed", "cancelled"),
        ("warning", "failed", "cancelled"),
        ("error", "failed", "processing"),
    ],
)
def test_how_a_dependency_ends_decides_whether_its_dependant_starts(
    ending: str, when: str, outcome: str
) -> None:
    world = World()
    first = world.submit()
    job = world.submit(after=[first], when=when)
    assert world.status(job) == "waiting"
    world.ends(first, status=ending)
    assert world.status(job) == outcome
    late = world.submit(after=[first], when=when)
    assert world.status(late) == outcome, "the same when it had ended already"


def test_a_terminated_dependency_satisfies_only_the_condition_final() -> None:
    world = World()
    first = world.submit()
    strict, lenient = world.submit(after=[first]), world.submit(after=[first], when="final")
    world.spawned(first)
    world.terminate(first)
    assert world.statuses(strict, lenient) == ["waiting", "waiting"]
    world.ends(first)
    assert world.status(first) == "terminated"
    assert world.statuses(strict, lenient) == ["cancelled", "processing"]


def test_a_cancelled_dependant_says_why_in_its_result() -> None:
    world = World()
    first = world.submit()
    job = world.submit(after=[first])
    world.fails(first)
    error = world.row(job)["result"]["error"]
    assert error["kind"] == "dependency"
    assert f"Job {first}" in error["message"]
    assert world.history(job) == ["created", "waiting", "cancelled"]
    late = world.submit(after=[first])
    assert world.row(late)["result"]["error"]["kind"] == "dependency"
    assert world.history(late) == ["created", "cancelled"]
    assert world.state.ended == {}


def test_all_dependencies_must_be_met() -> None:
    world = World()
    first, second = world.submit(), world.submit()
    job = world.submit(after=[first, second])
    world.ends(second)
    assert details(world.why(job)["dependency"]) == {"jobs": (Dependency(first, Condition.SUCCESS),)}
    world.ends(first)
    assert world.started() == [job]


def test_one_failed_dependency_cancels_the_dependant_whatever_the_others_do() -> None:
    world = World()
    failed, running = world.submit(), world.submit()
    world.fails(failed)
    job = world.submit(after=[running, failed])
    assert world.status(job) == "cancelled"
    assert world.state.dependants == {}
    world.ends(running)


def test_a_job_named_twice_counts_once_and_by_the_stricter_condition() -> None:
    world = World()
    first = world.submit()
    both = (Dependency(first, Condition.SUCCESS), Dependency(first, Condition.FINAL))
    draft = world.draft()
    for order in (both, both[::-1]):
        twice = type(draft)("default", 1000, "default", depends_on=order)
        (job,) = world.submit_all(twice)
        assert world.disk.dependencies[job, first] is Condition.SUCCESS
    world.fails(first)
    assert world.status(job) == "cancelled"


def test_an_unknown_dependency_is_refused_with_its_path() -> None:
    world = World()
    other = world.submit()
    with world.refused(NotFound, "no job 77") as refusal:
        world.submit(after=[other, 77])
    assert refusal.value.path == "$.dependsOn[1].job"


def test_either_all_jobs_of_a_request_are_accepted_or_none() -> None:
    world = World()
    with world.refused(NotFound, "no job 2"):
        world.submit_all(world.draft(), world.draft(after=[2]))
    assert world.submit_all(world.draft(), world.draft()) == [1, 2]


def test_a_dependency_on_an_ancestor_is_refused_with_the_path() -> None:
    world = World()
    root = world.submit()
    child = world.submit(parent=root)
    with world.refused(Conflict, f"own ancestor {root} \\({root} -> {child} -> the new job\\)"):
        world.submit(parent=child, after=[root])


def test_a_dependency_on_a_sibling_is_fine() -> None:
    world = World()
    root = world.submit()
    first = world.submit(parent=root)
    second = world.submit(parent=root, after=[first])
    world.ends(first)
    assert world.started() == [second]


def test_a_failure_cascades_through_a_long_chain() -> None:
    world = World(default=1)
    with world.checked_at_the_end():
        chain = [world.submit()]
        for _ in range(CROWD):
            chain.append(world.submit(after=chain[-1:]))
        world.fails(chain[0])
    assert {world.status(job) for job in chain[1:]} == {"cancelled"}
    assert not world.state.jobs


def test_a_dependant_that_only_needs_an_end_starts_after_a_cancelled_dependency() -> None:
    world = World(default=1)
    with world.checked_at_the_end():
        first = world.submit()
        second = world.submit(after=[first])
        third = world.submit(after=[second], when="final")
        world.fails(first)
    assert world.statuses(second, third) == ["cancelled", "processing"]


def test_many_dependants_of_one_job_follow_it_in_one_step() -> None:
    world = World(default=3)
    with world.checked_at_the_end():
        first = world.submit()
        jobs = world.submit_all(*[world.draft(f"key {n}", after=[first]) for n in range(CROWD)])
        world.ends(first)
    assert world.running() == jobs[:3]
    assert world.status(jobs[-1]) == "created"


def test_many_delays_of_one_moment_end_in_one_step() -> None:
    world = World(default=3)
    with world.checked_at_the_end():
        jobs = world.submit_all(*[world.draft("orders", delay=60) for _ in range(CROWD)])
        world.advance(60)
    assert world.running() == jobs[:1]
    assert world.status(jobs[-1]) == "waiting"


def test_a_dependency_that_ended_in_a_step_not_yet_saved_is_known() -> None:
    world = World()
    first = world.submit()
    world.scheduler.handle(i.Finished(first, world.token(first), Status.ERROR, {}), world.now_us)
    step = world.scheduler.handle(i.Submit((world.draft(after=[first]),), ANNA), world.now_us)
    assert step.answer[0] not in world.state.jobs
