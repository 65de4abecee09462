"""Why a job waits: each kind of reason with its details, its sentence, its start and what clears it."""

from core.explanations import all_reasons, details
from core.world import NOON, SECOND, World
from locksided.api.reasons import sentences
from locksided.core.explanation import explain
from locksided.core.model import Condition, Dependency
from locksided.core.pools import Trouble
from locksided.core.reasons import Holder


def test_a_started_job_has_no_reasons() -> None:
    world = World()
    job = world.submit("orders")
    assert world.reasons(job) == set()
    assert world.position(job) is None
    world.spawned(job)
    world.terminate(job)
    assert world.reasons(job) == set()


def test_all_reasons_are_given_at_once() -> None:
    world = World(default=1)
    first = world.submit("orders")
    job = world.submit("orders")
    world.pause_pool()
    world.executor_down()
    world.drain()
    world.state.store_trouble = Trouble("the disk is full", NOON)
    assert world.reasons(job) == {
        *("config_lock", "pool_full", "pool_paused", "no_executor", "draining", "store_unavailable"),
    }
    assert dict(all_reasons(world.state)).keys() == {world.job(job)}
    world.state.store_trouble = None
    world.ends(first)


def test_a_lock_reason_names_the_holders_and_counts_the_jobs_ahead() -> None:
    world = World()
    holder = world.submit("orders")
    world.advance(10)
    second = world.submit("orders")
    third = world.submit("orders")
    reason = world.why(third)["config_lock"]
    assert details(reason) == {
        "lock_key": "orders",
        "holders": (Holder(holder, is_paused=False, has_survivors=False),),
        "ahead": 1,
        "has_ancestor": False,
    }
    assert sentences(reason)[0] == f"Job {holder} holds the lock and 1 job of the same lock is ahead of it."
    assert sentences(reason)[1] == f"the end of job {holder}"
    assert reason.since_us == NOON + 10 * SECOND, "it entered after the holder had started"
    assert world.why(second)["config_lock"].ahead == 0


def test_a_lock_has_been_closed_since_its_holder_started() -> None:
    world = World(default=1)
    running = world.submit()
    world.submit("orders")
    waiting = world.submit("orders")
    assert world.why(waiting)["config_lock"].since_us == NOON
    assert world.why(waiting)["config_lock"].holder_ids == ()
    assert sentences(world.why(waiting)["config_lock"])[1] == "the end of those before it"
    world.advance(60)
    world.ends(running)
    assert world.why(waiting)["config_lock"].since_us == NOON + 60 * SECOND


def test_a_shared_lock_has_been_closed_since_its_last_place_was_taken() -> None:
    world = World()
    world.submit("orders", shared=2)
    world.advance(10)
    full = world.submit("orders", shared=2)
    waiting = world.submit("orders", shared=2)
    exclusive = world.submit("orders")
    assert world.why(waiting)["config_lock"].since_us == NOON + 10 * SECOND
    assert world.why(exclusive)["config_lock"].since_us == world.job(exclusive).created_us
    world.ends(full)
    assert world.status(waiting) == "processing"


def test_a_lock_held_by_an_ancestor_names_the_ancestor() -> None:
    world = World()
    root = world.submit("orders")
    child = world.submit("orders", parent=root)
    assert world.why(child)["config_lock"].has_ancestor


def test_the_last_slot_held_by_an_ancestor_names_the_ancestor() -> None:
    world = World(default=1)
    root = world.submit()
    child = world.submit(parent=root)
    assert world.why(child)["pool_full"].has_ancestor
    stranger = world.submit()
    assert not world.why(stranger)["pool_full"].has_ancestor


def test_a_full_pool_names_the_running_jobs_and_counts_the_jobs_ahead_when_asked() -> None:
    world = World(default=2)
    running = [world.submit(), world.submit()]
    first, second = world.submit("orders"), world.submit()
    third = world.submit(priority=5)
    reason = world.why(second)["pool_full"]
    assert details(reason) == {
        "pool": "default",
        "slots": 2,
        "running": tuple(running),
        "ahead": 2,
        "has_ancestor": False,
    }
    assert sentences(reason)[0] == "Pool 'default' runs 2 jobs in 2 slots, and 2 jobs come first."
    assert sentences(reason)[1] == "the end of a job in pool 'default'"
    assert [world.position(job) for job in (third, first, second)] == [1, 2, 3]
    uncounted = world.why(second, count=False)["pool_full"]
    assert uncounted.ahead is None
    assert sentences(uncounted)[0] == "Pool 'default' runs 2 jobs in 2 slots."
    assert explain(world.state, world.job(second)).position is None


def test_a_pool_has_been_full_since_its_last_slot_was_taken() -> None:
    world = World(default=2)
    world.submit()
    world.advance(5)
    world.submit()
    early = world.submit()
    assert world.why(early)["pool_full"].since_us == NOON + 5 * SECOND
    world.advance(5)
    world.pool("default", 1)
    late = world.submit()
    assert world.why(early)["pool_full"].since_us == NOON + 5 * SECOND, "it was full before, too"
    assert world.why(late)["pool_full"].since_us == NOON + 10 * SECOND


def test_a_start_time_reason_gives_the_time() -> None:
    world = World()
    job = world.submit(delay=30, held=True)
    world.advance(10)
    world.release(job)
    reason = world.why(job)["start_time"]
    assert details(reason) == {"at_us": NOON + 30 * SECOND}
    assert reason.since_us == NOON
    assert world.position(job) is None


def test_a_hold_reason_gives_the_user_and_the_time() -> None:
    world = World()
    world.drain()
    job = world.submit()
    world.advance(3)
    world.hold(job)
    reason = world.why(job)["held"]
    assert details(reason) == {"by": "anna"}
    assert sentences(reason)[0] == "anna holds it back."
    assert reason.since_us == NOON + 3 * SECOND


def test_dependencies_are_named() -> None:
    world = World()
    others = [world.submit() for _ in range(4)]
    job = world.submit(after=others)
    reason = world.why(job)["dependency"]
    assert details(reason) == {"jobs": tuple(Dependency(other, Condition.SUCCESS) for other in others)}
    assert (
        sentences(reason)[0]
        == "Job 1 must end well and job 2 must end well and job 3 must end well and 1 more."
    )
    assert sentences(reason)[1] == "the end of job 1 and job 2 and job 3 and 1 more"
    lenient = world.submit(after=others[:1], when="final")
    assert sentences(world.why(lenient)["dependency"])[0] == "Job 1 must end."


def test_a_drained_daemon_says_who_drains_it_and_since_when() -> None:
    world = World()
    before = world.submit(held=True)
    world.advance(5)
    world.drain()
    world.advance(5)
    job = world.submit()
    assert world.why(before)["draining"].since_us == NOON + 5 * SECOND
    assert world.why(job)["draining"].since_us == NOON + 10 * SECOND
    assert details(world.why(job)["draining"]) == {"by": "anna"}
    assert sentences(world.why(job)["draining"])[1] == "the end of the drain"


def test_an_executor_in_trouble_says_why_and_since_when() -> None:
    world = World()
    job = world.submit()
    world.advance(7)
    world.not_started(job, "no memory")
    reason = world.why(job)["no_executor"]
    assert details(reason) == {"pool": "default", "cause": "no memory"}
    assert sentences(reason)[0] == "Pool 'default' cannot start processes: no memory."
    assert reason.since_us == NOON + 7 * SECOND


def test_a_store_that_cannot_be_written_says_why() -> None:
    world = World()
    job = world.submit(held=True)
    world.state.store_trouble = Trouble("the disk is full", NOON + SECOND)
    reason = world.why(job)["store_unavailable"]
    assert details(reason) == {"cause": "the disk is full", "remedy": ""}
    assert sentences(reason)[0] == "The store cannot be written: the disk is full."
    world.state.store_trouble = None
