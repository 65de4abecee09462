"""Two jobs of one configuration never race; only heads start; a blocked job holds back its own line only."""

from core.world import World
from locksided.core.errors import InvalidTransition


def test_a_job_without_a_reason_to_wait_starts_in_the_step_that_accepts_it() -> None:
    world = World()
    job = world.submit("orders")
    assert world.status(job) == "processing"
    assert world.started() == [job]
    assert world.token(job) == f"{job}-1-0"
    assert world.row(job)["starts"] == 0
    world.spawned(job)
    assert world.row(job)["starts"] == 1
    world.ends(job)
    assert world.history(job) == ["created", "processing", "success"]


def test_the_second_job_of_a_configuration_waits_for_the_first() -> None:
    world = World()
    first, second = world.submit("orders"), world.submit("orders")
    assert world.statuses(first, second) == ["processing", "waiting"]
    assert world.reasons(second) == {"config_lock"}
    world.ends(first)
    assert world.started() == [second]


def test_jobs_without_a_key_run_beside_each_other() -> None:
    world = World()
    jobs = [world.submit() for _ in range(4)]
    assert world.statuses(*jobs) == ["processing"] * 4


def test_a_key_applies_only_within_its_project() -> None:
    world = World()
    jobs = [world.submit("orders"), world.submit("orders", project="other")]
    assert world.running() == jobs


def test_the_jobs_of_a_configuration_never_hold_back_those_of_others() -> None:
    world = World(default=4)
    same = [world.submit("same") for _ in range(40)]
    others = [world.submit(f"other {number}") for number in range(40)]
    ended: list[int] = []
    while running := world.running():
        assert len([job for job in running if job in same]) == 1
        assert len([job for job in running if job in others]) == min(3, len(set(others) - set(ended)))
        with world.checked_at_the_end():
            world.ends(*running)
        ended += running
    assert [job for job in ended if job in same] == same
    assert [job for job in ended if job in others] == others


def test_the_end_of_a_head_starts_only_the_next_job_of_its_line() -> None:
    world = World(default=2)
    first, second, third = (world.submit("orders") for _ in range(3))
    other = world.submit("invoices")
    assert world.running() == [first, other]
    world.ends(first)
    assert world.started() == [second]
    assert world.status(third) == "waiting"


def test_shared_jobs_run_together_up_to_their_own_number() -> None:
    world = World()
    jobs = [world.submit("orders", shared=2) for _ in range(3)]
    assert world.statuses(*jobs) == ["processing", "processing", "waiting"]
    world.ends(jobs[0])
    assert world.started() == [jobs[2]]


def test_each_shared_job_counts_the_holders_against_its_own_number() -> None:
    world = World(default=None)
    world.submit("orders", shared=3)
    world.submit("orders", shared=3)
    narrow = world.submit("orders", shared=2)
    wide = world.submit("orders", shared=3)
    assert world.status(narrow) == "waiting"
    assert world.status(wide) == "waiting", "it stands behind the narrow one"
    assert world.why(wide)["config_lock"].holder_ids == ()
    world.reprioritise(wide, 1)
    assert world.started() == [wide]


def test_an_exclusive_job_at_the_head_holds_back_later_shared_jobs() -> None:
    world = World()
    reader = world.submit("orders", shared=5)
    writer = world.submit("orders")
    late_reader = world.submit("orders", shared=5)
    assert world.statuses(writer, late_reader) == ["waiting", "waiting"]
    world.ends(reader)
    assert world.started() == [writer]
    world.ends(writer)
    assert world.started() == [late_reader]


def test_a_job_without_a_lock_passes_the_locked_jobs_of_its_configuration() -> None:
    world = World()
    world.submit("orders")
    free = world.submit(None)
    assert world.status(free) == "processing"


def test_one_key_admits_only_one_job_across_pools() -> None:
    world = World(default=1, big=1)
    here = world.submit("orders")
    there = world.submit("orders", pool="big")
    assert world.reasons(there) == {"config_lock"}
    world.ends(here)
    assert world.started() == [there]


def test_a_gate_that_several_heads_could_take_goes_to_the_first_in_the_common_order() -> None:
    world = World(a=1, b=1)
    holder = world.submit("orders")
    early = world.submit("orders", pool="b")
    urgent = world.submit("orders", pool="a", priority=10)
    world.ends(holder)
    assert world.started() == [urgent]
    assert world.status(early) == "waiting"


def test_a_job_that_waits_for_a_full_pool_is_passed_by_jobs_of_other_pools() -> None:
    world = World(small=1)
    world.submit(pool="small")
    stuck = world.submit("orders", pool="small")
    assert world.reasons(stuck) == {"pool_full"}
    assert world.status(stuck) == "created"
    passing = world.submit("orders")
    assert world.status(passing) == "processing"
    assert world.status(stuck) == "waiting", "now the key is taken, too"
    world.ends(passing)
    assert world.status(stuck) == "created"


def test_shared_jobs_of_another_pool_can_pass_a_waiting_exclusive_job() -> None:
    world = World(small=1)
    world.submit("orders", shared=3)
    writer = world.submit("orders", pool="small")
    reader = world.submit("orders", shared=3)
    assert world.statuses(writer, reader) == ["waiting", "processing"]


def test_higher_priority_goes_first_and_equals_go_by_age() -> None:
    world = World(default=1)
    running = world.submit()
    low, first, second, high = (world.submit(priority=p) for p in (-50, 0, 0, 100))
    order = []
    for _ in range(4):
        world.ends(running)
        (running,) = world.started()
        order.append(running)
    assert order == [high, first, second, low]


def test_priorities_order_the_jobs_of_one_key_too() -> None:
    world = World()
    running = world.submit("orders")
    late, early = world.submit("orders"), world.submit("orders", priority=1)
    assert world.why(late)["config_lock"].ahead == 1
    world.ends(running)
    assert world.started() == [early]


def test_a_head_that_a_more_urgent_job_overtakes_waits_for_that_job() -> None:
    world = World(default=1)
    running = world.submit()
    head = world.submit("orders")
    assert world.status(head) == "created"
    urgent = world.submit("orders", priority=1)
    assert world.statuses(head, urgent) == ["waiting", "created"]
    world.terminate(urgent)
    assert world.status(head) == "created"
    world.ends(running)
    assert world.started() == [head]


def test_a_free_slot_goes_to_the_first_admitted_head_in_the_common_order() -> None:
    world = World(default=2)
    holder = world.submit("orders")
    other = world.submit()
    blocked = world.submit("orders", priority=100)
    next_one, last = world.submit("invoices"), world.submit()
    world.ends(other)
    assert world.started() == [next_one]
    world.ends(holder)
    assert world.started() == [blocked]
    assert world.status(last) == "created"


def test_a_lowered_priority_counts_at_once() -> None:
    world = World(default=1)
    running = world.submit()
    lowered, other = world.submit("a", priority=10), world.submit("b")
    world.reprioritise(lowered, -50)
    world.ends(running)
    assert world.started() == [other]


def test_a_raised_priority_counts_at_once() -> None:
    world = World(default=1)
    running = world.submit()
    other, raised = world.submit("a"), world.submit("b")
    world.reprioritise(raised, 1)
    world.ends(running)
    assert world.started() == [raised]
    assert world.events("job.reprioritised", raised) == [{"from": 0, "to": 1}]
    assert world.status(other) == "created"


def test_a_priority_that_is_lowered_and_restored_leaves_no_stale_place_in_line() -> None:
    world = World(default=1)
    running = world.submit()
    first, second = world.submit("a"), world.submit("b")
    world.reprioritise(first, -1)
    world.reprioritise(first, 0)
    world.ends(running)
    assert world.started() == [first]
    assert world.status(second) == "created"


def test_a_started_job_cannot_be_given_another_priority() -> None:
    world = World()
    job = world.submit()
    with world.refused(InvalidTransition, "is processing: only a job that is created or waiting"):
        world.reprioritise(job, 5)


def test_the_order_of_a_thousand_jobs_of_mixed_priorities_is_kept() -> None:
    world = World(default=1)
    running = world.submit("gate")
    with world.checked_at_the_end():
        jobs = [(world.submit("gate", priority=n * 37 % 11), n * 37 % 11) for n in range(1300)]
        for job, _ in jobs[::7]:
            world.terminate(job)
    left = [(-priority, job) for n, (job, priority) in enumerate(jobs) if n % 7]
    with world.checked_at_the_end():
        for _, job in sorted(left)[:700]:
            world.ends(running)
            assert world.started() == [job]
            running = job
