"""Which running job may write which tables: a job gets all its tables at once, in order of the requests."""

from core.world import World
from locksided.core.errors import Conflict

A, B, C = (f"default/default/in.c-main.{name}" for name in "abc")
ON_B = "default/default/in.c-main.B"


def running(world: World, number: int) -> list[int]:
    jobs = world.submit_all(*[world.draft() for _ in range(number)])
    world.spawned(*jobs)
    return jobs


def test_a_job_may_write_tables_at_once_that_no_other_job_writes() -> None:
    world = World(default=None)
    one, two = running(world, 2)
    world.step_ends(one, A, B)
    assert world.started() == [one]
    world.step_ends(two, C)
    assert world.started() == [two]


def test_a_job_that_waits_for_tables_holds_none() -> None:
    world = World(default=None)
    one, two, three = running(world, 3)
    world.step_ends(one, A)
    world.step_ends(two, A, B)
    world.step_ends(three, B)
    assert world.started() == []
    assert world.reasons(two) == world.reasons(three) == {"table_lock"}
    world.terminate(two)
    assert (world.status(two), world.started()) == ("terminated", [three])


def test_tables_are_held_until_the_job_is_final() -> None:
    world = World(default=None)
    one, two = running(world, 2)
    world.step_ends(one, A)
    world.step_ends(two, A)
    world.spawned(one)
    world.terminate(one)
    assert world.reasons(two) == {"table_lock"}
    world.ends(one)
    assert world.started() == [two]


def test_a_later_step_of_a_run_writes_tables_that_the_run_holds_already() -> None:
    world = World(default=None)
    one, two = running(world, 2)
    world.step_ends(one, A, B)
    world.step_ends(two, A)
    world.step_ends(one, B, step=3)
    assert (world.started(), world.reasons(two)) == ([one], {"table_lock"})
    world.fails(one)
    assert world.started() == [two]


def test_the_job_that_asked_first_for_a_table_gets_it_first() -> None:
    world = World(default=None)
    one, two, three, four = running(world, 4)
    world.step_ends(one, A)
    world.step_ends(two, B)
    world.step_ends(three, A, B)
    world.step_ends(four, B)
    world.ends(two)
    assert world.started() == []
    world.ends(one)
    assert world.started() == [three]
    world.ends(three)
    assert world.started() == [four]


def test_table_names_that_differ_only_in_case_are_one_table() -> None:
    world = World(default=None)
    one, two = running(world, 2)
    world.step_ends(one, B)
    world.step_ends(two, ON_B)
    assert world.why(two)["table_lock"].tables == (ON_B,)


def test_the_reason_names_the_holders_and_how_many_are_ahead() -> None:
    world = World(default=None)
    one, two, three = running(world, 3)
    world.step_ends(one, A)
    world.step_ends(two, A)
    world.step_ends(three, A, C)
    reason = world.why(three)["table_lock"]
    assert (reason.tables, reason.holders, reason.ahead) == ((A,), (one,), 1)


def test_the_duration_of_a_job_does_not_count_its_wait_for_tables() -> None:
    world = World(default=None)
    one, two = running(world, 2)
    world.step_ends(one, A)
    world.advance(1)
    world.step_ends(two, A)
    world.advance(10)
    world.ends(one)
    world.advance(2)
    world.ends(two)
    assert world.row(two)["duration_us"] == 3_000_000


def test_a_job_that_is_paused_while_it_waits_stays_paused() -> None:
    world = World(default=None)
    one, two = running(world, 2)
    world.step_ends(one, A)
    world.step_ends(two, A)
    world.pause(two)
    world.ends(one)
    assert world.started() == [two]
    world.spawned(two)
    assert world.paused() == [two]
    world.resume(two)
    assert world.resumed() == [two]


def test_claims_outlive_the_daemon_in_their_order() -> None:
    world = World(default=None)
    one, two, three = running(world, 3)
    world.step_ends(three, A)
    world.step_ends(two, A)
    world.step_ends(one, A)
    world.crash()
    world.ends(three)
    assert world.started() == [two]
    world.ends(two)
    assert world.started() == [one]


def test_a_lost_job_releases_its_tables_and_claims_them_again() -> None:
    world = World(default=None)
    one, two = running(world, 2)
    world.step_ends(one, A)
    world.step_ends(two, A)
    before = world.job(two).run.claim.serial  # type: ignore[union-attr]
    world.loses(one)
    assert two in world.started()
    world.spawned(one)
    world.step_ends(one, A)
    assert world.reasons(one) == {"table_lock"}
    assert world.job(one).run.claim.serial > before  # type: ignore[union-attr]


def test_a_job_may_not_wait_for_a_job_that_waits_for_its_tables() -> None:
    world = World(default=None)
    one, two = running(world, 2)
    world.step_ends(one, A)
    world.spawned(one)
    world.step_ends(two, A)
    with world.refused(Conflict, "would wait for ever"):
        world.wait(one, two)
