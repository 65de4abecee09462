"""Jobs that are retried: how often, after which pause, under which lock, and how they end."""

import pytest

from core.trees import of_rows, orchestration, phase, retried
from core.world import NOON, SECOND, World
from lockside.documents.enums import Backoff, Status
from locksided.core import inputs as i
from locksided.core.model import RetryPolicy
from locksided.core.retries import pause_before


def attempts(world: World, jobs: dict[str, int], name: str = "api") -> list[int]:
    return world.children(jobs[name])


# -- retrying ---------------------------------------------------------------------------------------------


def test_the_next_attempt_is_created_in_the_step_that_ends_the_previous_one() -> None:
    world = World()
    jobs = world.make(retried("api", 3, pause=30))
    world.fails(jobs["api 1"], failure="application")
    first, second = attempts(world, jobs)
    assert world.statuses(jobs["api"], first, second) == ["processing", "error", "created"]
    assert world.reasons(second) == {"start_time"}
    assert world.row(second)["start_at_us"] == NOON + 30 * SECOND
    assert world.row(second)["attempt"] == 1
    assert world.row(second)["run_id"] == f"{jobs['api']}.{second}"
    assert world.events("job.created", second) == [{"component": None, "config": None, "attempt": 1}]
    world.advance(30)
    assert world.started() == [second]
    world.ends(second)
    assert world.status(jobs["api"]) == "success"


def test_without_a_pause_the_next_attempt_starts_at_once() -> None:
    world = World()
    jobs = world.make(retried("api", 2))
    world.fails(jobs["api 1"], failure="application")
    assert world.started() == [attempts(world, jobs)[1]]


def test_a_retry_container_has_the_status_and_the_result_of_its_last_attempt() -> None:
    world = World()
    jobs = world.make(retried("api", 2))
    world.fails(jobs["api 1"], failure="timeout")
    result = {"message": "No answer.", "error": {"kind": "exit"}}
    world.ends(attempts(world, jobs)[1], status="error", result=result)
    assert world.status(jobs["api"]) == "error"
    assert world.row(jobs["api"])["result"] == {**result, "message": "No answer. (attempt 2)"}
    assert len(attempts(world, jobs)) == 2


def test_only_the_named_failures_are_retried() -> None:
    world = World()
    jobs = world.make(retried("api", 5, on=["timeout"]))
    world.fails(jobs["api 1"], failure="user")
    assert world.status(jobs["api"]) == "error"


@pytest.mark.parametrize("status", ["success", "warning"])
def test_a_successful_attempt_is_the_last(status: str) -> None:
    world = World()
    jobs = world.make(retried("api", 5))
    world.ends(jobs["api 1"], status=status)
    assert world.status(jobs["api"]) == status


def test_a_lost_attempt_is_treated_by_on_lost_before_it_is_retried() -> None:
    world = World()
    jobs = world.make(retried("api", 2))
    for _ in range(4):  # requeued three times
        world.spawned(jobs["api 1"])
        world.loses(jobs["api 1"])
    first, second = attempts(world, jobs)
    assert world.row(first)["lost_count"] == 3
    assert world.statuses(first, second) == ["error", "processing"]


def test_a_terminated_attempt_is_not_retried() -> None:
    world = World()
    jobs = world.make(retried("api", 3))
    world.spawned(jobs["api 1"])
    world.terminate(jobs["api 1"])
    world.fails(jobs["api 1"], failure="application")
    assert world.statuses(jobs["api 1"], jobs["api"]) == ["terminated", "terminated"]
    assert world.history(jobs["api"])[-2:] == ["terminating", "terminated"]


def test_a_container_is_cancelled_only_when_no_attempt_ever_started() -> None:
    world = World(default=0)
    jobs = world.make(retried("api", 3))
    world.terminate(jobs["api 1"])
    assert world.history(jobs["api"]) == ["created", "processing", "terminating", "cancelled"]

    world = World()
    jobs = world.make(retried("api", 3, pause=10))
    world.fails(jobs["api 1"], failure="application")
    second = attempts(world, jobs)[1]
    world.terminate(second)
    assert world.statuses(second, jobs["api"]) == ["cancelled", "terminated"]


def test_an_attempt_cancelled_before_its_container_started_ends_the_container() -> None:
    world = World()
    jobs = world.make(retried("api", 3, held=True))
    world.terminate(jobs["api 1"])
    assert set(world.standing(jobs)) == {"cancelled"}


# -- pauses -----------------------------------------------------------------------------------------------


def test_pauses_double_up_to_the_maximum() -> None:
    policy = RetryPolicy(9, 10 * SECOND, Backoff.EXPONENTIAL, max_delay_us=60 * SECOND)
    assert [pause_before(policy, attempt, 1) // SECOND for attempt in (1, 2, 3, 4, 90)] == [
        10,
        20,
        40,
        60,
        60,
    ]


def test_pauses_are_spread_by_jitter_the_same_way_every_time() -> None:
    policy = RetryPolicy(9, 100 * SECOND, jitter=0.5)
    pauses = [pause_before(policy, 1, container) for container in range(200)]
    assert pauses == [pause_before(policy, 1, container) for container in range(200)]
    assert len(set(pauses)) == 200
    assert all(50 * SECOND <= pause <= 150 * SECOND for pause in pauses)
    assert min(pauses) < 60 * SECOND
    assert max(pauses) > 140 * SECOND


def test_jitter_never_makes_a_pause_longer_than_the_maximum() -> None:
    policy = RetryPolicy(9, 100 * SECOND, jitter=1.0, max_delay_us=100 * SECOND)
    assert max(pause_before(policy, 1, container) for container in range(200)) == 100 * SECOND


# -- locks, slots, priorities -----------------------------------------------------------------------------


def test_a_retry_container_keeps_its_lock_but_no_slot_between_attempts() -> None:
    world = World(default=1)
    jobs = world.make(retried("api", 2, pause=10, lock="c:api"))
    same = world.submit("c:api")
    other = world.submit()
    world.fails(jobs["api 1"], failure="application")
    assert world.started() == [other]
    assert world.why(same)["config_lock"].holder_ids == (jobs["api"],)


def test_with_lock_each_other_jobs_run_between_attempts_and_the_next_attempt_waits() -> None:
    world = World()
    jobs = world.make(retried("api", 2, pause=10, lock="c:api", lock_each=True))
    same = world.submit("c:api")
    world.fails(jobs["api 1"], failure="application")
    assert world.started() == [same]
    second = attempts(world, jobs)[1]
    assert world.row(second)["lock_key"] == "c:api"
    world.advance(10)
    assert world.why(second)["config_lock"].holder_ids == (same,)
    world.ends(same)
    assert world.started() == [second]


def test_the_next_attempt_has_the_priority_that_its_container_was_given_meanwhile() -> None:
    world = World(default=1)
    jobs = world.make(retried("api", 3, pause=10))
    world.fails(jobs["api 1"], failure="application")
    second = attempts(world, jobs)[1]
    world.reprioritise(jobs["api"], 50)
    assert world.job(second).priority == 50
    world.advance(10)
    world.fails(second, failure="application")
    assert world.job(attempts(world, jobs)[2]).priority == 50


def test_draining_makes_the_next_attempt_wait_and_undraining_starts_it() -> None:
    world = World()
    jobs = world.make(retried("api", 2, pause=10))
    world.drain()
    world.fails(jobs["api 1"], failure="application")
    second = attempts(world, jobs)[1]
    assert world.reasons(second) == {"start_time", "draining"}
    world.crash()
    world.advance(10)
    assert world.reasons(second) == {"draining"}
    world.undrain()
    assert world.status(second) == "processing"


# -- inside other containers ------------------------------------------------------------------------------


def test_a_row_that_is_retried_keeps_its_place_among_its_siblings() -> None:
    world = World()
    tree = of_rows("files", [retried("a", 2, pause=10), retried("b", 2)], at_once=1)
    container, a, a1, b, b1 = world.make(tree).values()
    assert world.statuses(a, a1, b, b1) == ["processing", "processing", "waiting", "waiting"]
    assert set(world.via(b1)) == {("parallelism", b)}
    world.fails(a1, failure="application")
    assert world.status(b) == "waiting", "a still stands for its next attempt"
    world.advance(10)
    world.ends(world.children(a)[1])
    assert world.statuses(a, b, b1) == ["success", "processing", "processing"]
    world.ends(b1)
    assert world.status(container) == "success"


def test_a_retry_that_succeeds_satisfies_the_phase_that_waits_for_it() -> None:
    world = World()
    jobs = world.make(
        orchestration(
            "nightly", phase("get", retried("api", 3)), phase("load", retried("put", 2), after="get")
        )
    )
    world.fails(jobs["api 1"], failure="application")
    world.fails(attempts(world, jobs)[1], failure="application")
    assert world.status(jobs["load"]) == "waiting"
    world.crash()
    world.ends(attempts(world, jobs)[2])
    assert world.standing(jobs)["success"] == ["get", "api"]
    assert world.statuses(jobs["load"], jobs["put 1"]) == ["processing", "processing"]


def test_a_dependant_of_a_retry_container_waits_for_the_last_attempt() -> None:
    world = World()
    jobs = world.make(retried("api", 2))
    report = world.submit(after=[jobs["api"]])
    world.fails(jobs["api 1"], failure="application")
    assert world.status(report) == "waiting"
    world.ends(attempts(world, jobs)[1])
    assert world.started() == [report]


def test_a_failure_without_a_class_is_not_retried() -> None:
    world = World()
    jobs = world.make(retried("api", 2))
    world.handle(i.Finished(jobs["api 1"], world.token(jobs["api 1"]), Status.ERROR, {}, started=False))
    assert world.status(jobs["api"]) == "error"
