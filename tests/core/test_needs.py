"""Named resources: which jobs hold them, wait for them, may pass others, and have them reserved."""

from core.explanations import details
from core.world import SECOND, World
from locksided.core import inputs as i
from locksided.core.errors import Conflict, NotFound
from locksided.core.pool_control import refuse_deletion


def world_with(capacity: int | None = 1, **slots: int | None) -> World:
    """A world with a resource `api`."""
    world = World(**{"default": 4, "a": 4, "b": 4} | slots)
    world.resource("api", capacity)
    return world


def units(world: World, job_id: int) -> list[str]:
    """Return the units of `gpu` that a job was given."""
    found: list[str] = world.row(job_id)["resources"]["gpu"]["units"]
    return found


def test_no_more_than_the_capacity_is_held_whichever_pools_the_jobs_are_in() -> None:
    world = world_with(3)
    first, second = world.submit(pool="a", needs={"api": 2}), world.submit(pool="b", needs={"api": 2})
    assert world.statuses(first, second) == ["processing", "created"]
    assert world.reasons(second) == {"resource"}
    world.ends(first)
    assert world.started() == [second]


def test_the_reason_names_the_holders_of_a_resource_and_the_free_amount() -> None:
    world = world_with(3)
    holder = world.submit(needs={"api": 2})
    world.submit(needs={"api": 2})
    job = world.submit(needs={"api": 3})
    assert details(world.why(job)["resource"]) == {
        "resource": "api",
        "capacity": 3,
        "need": 3,
        "free": 1,
        "holders": (holder,),
        "ahead": 1,
        "reserved_for": None,
    }


def test_a_job_that_waits_for_a_resource_is_passed_by_jobs_that_do_not_need_it() -> None:
    world = world_with()
    world.submit(needs={"api": 1})
    waiting, other = world.submit(needs={"api": 1}), world.submit()
    assert world.statuses(waiting, other) == ["created", "processing"]


def test_no_later_job_is_given_a_resource_that_an_earlier_job_waits_for() -> None:
    world = world_with(3)
    holder = world.submit(needs={"api": 2})
    waiting, behind = world.submit(pool="a", needs={"api": 2}), world.submit(pool="b", needs={"api": 1})
    assert world.statuses(waiting, behind) == ["created", "created"]
    assert world.reasons(behind) == {"resource"}
    world.ends(holder)
    assert world.started() == [waiting, behind]


def test_the_job_with_the_higher_priority_is_given_the_resource_first() -> None:
    world = world_with()
    holder = world.submit(needs={"api": 1})
    low, high = world.submit(needs={"api": 1}), world.submit(needs={"api": 1}, priority=10)
    world.ends(holder)
    assert world.started() == [high]
    assert world.status(low) == "created"


def test_a_job_that_waits_for_a_full_pool_does_not_queue_for_its_resource() -> None:
    world = world_with(a=1)
    running = world.submit(pool="a")
    kept_back, other = world.submit(pool="a", needs={"api": 1}), world.submit(pool="b", needs={"api": 1})
    assert world.statuses(kept_back, other) == ["created", "processing"]
    assert world.reasons(kept_back) == {"pool_full", "resource"}
    world.ends(other)
    world.ends(running)
    assert world.started() == [kept_back]


def test_a_job_takes_all_its_resources_at_once_or_none() -> None:
    world = world_with()
    world.resource("gpu", 1)
    holder = world.submit(needs={"gpu": 1})
    both, api = world.submit(needs={"gpu": 1, "api": 1}), world.submit(needs={"api": 1})
    assert world.statuses(both, api) == ["created", "processing"]
    world.ends(holder)
    assert world.reasons(both) == {"resource"}
    world.ends(api)
    assert world.started() == [both]


def test_all_resources_that_are_short_are_listed() -> None:
    world = world_with()
    world.resource("gpu", 1)
    world.submit(needs={"gpu": 1, "api": 1})
    job = world.submit(needs={"gpu": 1, "api": 1})
    assert [reason.resource for reason in world.why_all(job)] == ["api", "gpu"]


def test_the_first_free_units_are_assigned_by_name_and_saved_with_the_start() -> None:
    world = World(default=8)
    world.resource("gpu", 0, "0", "1", "2")
    first, second = world.submit(needs={"gpu": 1}), world.submit(needs={"gpu": 2})
    assert units(world, first) == ["0"]
    assert units(world, second) == ["1", "2"]
    world.ends(first)
    third = world.submit(needs={"gpu": 1})
    assert units(world, third) == ["0"]
    world.crash()
    world.handle_nothing()
    assert world.reasons(world.submit(needs={"gpu": 1})) == {"resource"}


def test_for_a_resource_with_a_capacity_the_amount_is_saved() -> None:
    world = world_with(5)
    row = world.row(world.submit(needs={"api": 3}))
    assert row["resources"] == {"api": {"amount": 3, "units": [], "environment": None}}


def test_a_lost_run_releases_all_its_resources() -> None:
    world = World()
    world.resource("gpu", 0, "0")
    job = world.submit(needs={"gpu": 1})
    world.pause_pool()
    world.loses(job)
    assert world.row(job)["resources"] is None
    assert world.state.resource("default", "gpu").used == 0
    other = world.submit(pool="default", needs={"gpu": 1}, priority=5)
    world.resume_pool()
    assert world.started() == [other]


def test_a_job_that_is_being_stopped_keeps_its_resources_until_its_processes_are_gone() -> None:
    world = world_with()
    job, waiting = world.submit(needs={"api": 1}), world.submit(needs={"api": 1})
    world.terminate(job)
    assert world.status(waiting) == "created"
    world.ends(job)
    assert world.started() == [waiting]


def test_lowering_a_capacity_stops_no_job_and_starts_none_until_less_is_held() -> None:
    world = world_with(3)
    jobs = [world.submit(needs={"api": 1}) for _ in range(4)]
    world.resource("api", 1)
    assert world.statuses(*jobs) == ["processing"] * 3 + ["created"]
    world.ends(jobs[0], jobs[1])
    assert world.status(jobs[3]) == "created"
    world.ends(jobs[2])
    assert world.started() == [jobs[3]]


def test_a_job_that_needs_more_than_a_lowered_capacity_holds_back_no_other_job() -> None:
    world = world_with(3)
    holder = world.submit(needs={"api": 1})
    large = world.submit(needs={"api": 3})
    world.resource("api", 2)
    small = world.submit(needs={"api": 1})
    assert world.statuses(large, small) == ["created", "processing"]
    world.ends(holder, small)
    assert world.reasons(large) == {"resource"}
    world.resource("api", 3)
    assert world.started() == [large]


def test_a_resource_without_a_limit_only_shows_who_uses_it() -> None:
    world = World(default=None)
    world.resource("api", None)
    jobs = [world.submit(needs={"api": 1_000_000}) for _ in range(3)]
    assert [job.id for job in world.state.resource("default", "api").holders] == jobs


def test_a_resource_belongs_to_its_project_unless_it_is_shared() -> None:
    world = world_with()
    with world.refused(NotFound, says="no resource 'api'"):
        world.submit(project="second", needs={"api": 1})
    world.resource("api", 1, shared=True)
    world.submit(needs={"api": 1})
    assert world.reasons(world.submit(project="second", needs={"api": 1})) == {"resource"}


def test_a_resource_that_live_jobs_need_is_not_deleted() -> None:
    world = world_with()
    job = world.submit(needs={"api": 1})
    with world.refused(Conflict, says="need the resource 'api'"):
        refuse_deletion(world.state, ("default", "api"))
    world.ends(job)
    refuse_deletion(world.state, ("default", "api"))
    world.delete_resource("api")
    with world.refused(NotFound, says="no resource"):
        world.submit(needs={"api": 1})


def test_a_job_waits_for_a_resource_deleted_during_its_acceptance_even_after_a_restart() -> None:
    world = world_with()
    world.submit(needs={"api": 1})
    job = world.submit(needs={"api": 1})
    world.delete_resource("api")
    assert world.why(job)["resource"].capacity == 0
    world.crash()
    world.handle_nothing()
    world.resource("api", 2)
    assert world.started() == [job]


# -- reservations -------------------------------------------------------------------------------------------


def contended(reserve: float | None = 5) -> tuple[World, int, int]:
    """Return a world, a job of four slots that needs `api`, and the job of another pool that holds it."""
    world = world_with(1, a=4)
    world.reserve_after(reserve)
    holder = world.submit(pool="b", needs={"api": 1})
    return world, world.submit(pool="a", slots=4, needs={"api": 1}), holder


def test_resources_are_reserved_for_a_job_that_has_waited_long_for_them() -> None:
    world, heavy, holder = contended()
    light = world.submit(pool="a")
    assert world.status(light) == "processing"
    world.advance(5)
    assert world.why(heavy)["resource"].reserved_for == heavy
    world.ends(holder)
    world.ends(light)
    assert world.started() == [heavy]


def test_reserved_resources_go_to_no_other_job_not_even_a_more_urgent_one() -> None:
    world, heavy, holder = contended()
    light = world.submit(pool="a")
    world.advance(5)
    urgent = world.submit(pool="b", needs={"api": 1}, priority=100)
    world.ends(holder)
    assert world.status(urgent) == "created"
    assert world.why(urgent)["resource"].reserved_for == heavy
    also_urgent = world.submit(pool="a", priority=100)
    world.ends(light)
    assert world.started() == [heavy]
    world.ends(heavy)
    assert set(world.started()) == {urgent, also_urgent}


def test_without_a_reservation_a_heavy_job_is_passed_again_and_again() -> None:
    world, heavy, holder = contended(None)
    for _ in range(5):
        light = world.submit(pool="a")
        world.advance(1000)
        other = world.submit(pool="b", needs={"api": 1}, priority=1)
        world.ends(holder)
        world.ends(light)
        holder = other
    assert world.status(heavy) == "created"


def test_a_reservation_ends_with_the_wait_and_a_new_one_is_made_in_time() -> None:
    world, heavy, holder = contended()
    world.submit(pool="a", slots=4, needs={"api": 1})
    world.advance(5)
    assert [job.id for job in world.state.reserved] == [heavy]
    world.hold(heavy)
    assert not world.state.reserved
    world.release(heavy)
    assert not world.state.reserved
    world.advance(5)
    assert world.state.reserved
    world.ends(holder)
    assert len(world.running()) == 1


def test_two_pools_that_reserve_the_same_resource_get_it_one_after_the_other() -> None:
    world = world_with(2, a=2, b=2)
    world.reserve_after(5)
    holders = [world.submit(needs={"api": 1}) for _ in range(2)]
    first = world.submit(pool="a", slots=2, needs={"api": 2})
    second = world.submit(pool="b", slots=2, needs={"api": 2})
    world.advance(5)
    assert {job.id for job in world.state.reserved} == {first, second}
    world.ends(holders[0])
    assert world.started() == []
    world.ends(holders[1])
    assert world.started() == [first]
    world.ends(first)
    assert world.started() == [second]


def test_nothing_is_reserved_for_a_job_that_could_not_start_with_it() -> None:
    world, heavy, _ = contended()
    world.pool("a", 3)
    world.advance(5)
    assert not world.state.reserved
    assert heavy not in world.running()


def test_setting_the_clock_forward_does_not_count_as_time_waited() -> None:
    world, _, _ = contended()
    world.now_us += 3600 * SECOND
    world.handle(i.ClockSet(3600 * SECOND))
    assert not world.state.reserved
    world.advance(5)
    assert world.state.reserved


RUNS = 3


def started_after(reserve: float | None, seconds: int) -> int | None:
    """Return how many seconds a job of four slots waits, in a pool of four, under endless streams of jobs.

    Jobs of one slot keep arriving in its pool, and holders of the resource that it needs in another; all run
    for RUNS seconds. None if it has not started after `seconds`.
    """
    world = world_with(1, a=4, b=4)
    world.reserve_after(reserve)
    ends: dict[int, int] = {}
    heavy = 0
    for second in range(seconds):
        world.submit_all(*[world.draft(pool="a")] * 2)
        if second % RUNS == 0:
            world.submit(pool="b", needs={"api": 1})
        if second == 1:
            heavy = world.submit(pool="a", slots=4, needs={"api": 1})
        if heavy in world.running():
            return second - 1
        for job in world.running():
            ends.setdefault(job, second + RUNS)
        world.ends(*[job for job, end in ends.items() if end == second])
        world.advance(1)
    return None


def test_with_a_reservation_a_heavy_job_starts_although_lighter_ones_never_stop_arriving() -> None:
    waited = started_after(5, 60)
    print(f"\nseconds that it waited, with 5 to a reservation and runs of {RUNS}: {waited}")
    assert waited is not None
    assert waited <= 5 + RUNS + 1  # the last holder ends, and everything is examined a second later
    assert started_after(None, 60) is None
