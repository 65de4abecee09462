"""Blocked jobs: when they are tested, which are released or given up, and what they hold meanwhile."""

import pytest

from core.trees import retried, rows
from core.world import ANNA, SECOND, World, recovery_terms
from lockside.documents.enums import CheckOutcome
from locksided.core import recovery
from locksided.core.errors import InvalidTransition, NotFound, Unavailable
from locksided.core.inputs import ClockSet
from locksided.core.recovery_inputs import Checked, CheckLost, CheckNow


@pytest.mark.parametrize(
    ("fixed", "longest", "pauses"),
    [
        (False, 600, [30, 60, 120, 240, 480, 600, 600]),
        (True, 600, [30, 30, 30]),
        (False, 10, [30, 30]),
        (False, 45, [30, 45, 45]),
    ],
)
def test_the_pause_doubles_up_to_the_maximum(fixed: bool, longest: float, pauses: list[int]) -> None:
    terms = recovery_terms(fixed=fixed, longest=longest)
    found = [terms.interval_us]
    while len(found) < len(pauses):
        found.append(terms.longer_pause_us(found[-1]))
    assert [one / SECOND for one in found] == pauses


def blocked(world: World, number: int = 1, **terms: object) -> list[int]:
    """Start this number of jobs and block them."""
    jobs = world.submit_all(*[world.draft() for _ in range(number)])
    world.blocks(*jobs, **terms)
    return jobs


def check_at(world: World, seconds: float, outcome: str) -> None:
    """Check that a test is due in this number of seconds, and not before, and report its result."""
    world.advance(seconds - 0.001)
    assert world.checks() == []
    world.advance(0.001)
    assert len(world.checks()) == 1
    world.tested(outcome)


def test_a_blocked_job_is_created_and_says_what_it_waits_for() -> None:
    world = World()
    (job,) = blocked(world)
    assert world.status(job) == "created"
    assert world.history(job) == ["created", "processing", "created"]
    reason = world.why(job)["recovery"]
    assert (reason.policy, reason.condition, reason.tester) == ("policy", "door", "door is open")
    assert (reason.blocked_count, reason.last) == (1, None)
    assert reason.next_check_us == world.now_us + 30 * SECOND
    assert reason.expires_us == world.now_us + 86_400 * SECOND
    assert world.position(job) is None
    (event,) = world.events("job.blocked", job)
    assert event["blockedCount"] == 1


def test_a_hundred_jobs_share_one_check_and_are_released_in_batches() -> None:
    world = World(default=None)
    jobs = blocked(world, 100)
    check_at(world, 30, "not_yet")
    check_at(world, 60, "not_yet")
    check_at(world, 120, "well")
    assert world.started() == jobs[:10]
    check_at(world, 30, "well")
    assert world.started() == jobs[10:20]
    assert len(world.disk.conditions) == 1


def test_a_condition_is_forgotten_with_its_last_job() -> None:
    world = World()
    (job,) = blocked(world)
    check_at(world, 30, "well")
    assert world.status(job) == "processing"
    assert world.disk.conditions == {}
    world.ends(job)
    assert world.status(job) == "success"


def test_a_job_that_is_blocked_too_often_ends_with_its_last_error() -> None:
    world = World()
    (job,) = blocked(world, most=2)
    check_at(world, 30, "well")
    world.blocks(job, most=2)
    assert world.row(job)["blocked_count"] == 2
    check_at(world, 30, "well")
    world.blocks(job, most=2, said="still down")
    assert world.status(job) == "error"
    error = world.row(job)["result"]["error"]
    assert error["message"] == "still down"
    assert (error["recovery"]["cause"], error["recovery"]["blocks"]) == ("max_blocks", 2)


def test_a_job_expires_after_its_first_block_even_during_a_drain() -> None:
    world = World()
    (job,) = blocked(world, expiry=100)
    check_at(world, 30, "well")
    world.advance(20)
    world.blocks(job, expiry=100)
    world.drain()
    world.advance(49)
    assert world.status(job) == "created"
    world.advance(1)
    assert world.history(job)[-2:] == ["created", "error"]
    assert world.row(job)["result"]["error"]["recovery"]["cause"] == "expired"


def test_a_job_that_fails_after_its_expiry_is_not_blocked_again() -> None:
    world = World()
    (job,) = blocked(world, expiry=40)
    check_at(world, 30, "well")
    world.advance(30)
    world.blocks(job, expiry=40)
    assert world.row(job)["result"]["error"]["recovery"]["cause"] == "expired"


def test_a_hopeless_condition_ends_all_its_jobs() -> None:
    world = World()
    jobs = blocked(world, 3)
    world.advance(30)
    world.tested("hopeless", message="HTTP 403")
    assert world.statuses(*jobs) == ["error"] * 3
    reported = world.row(jobs[0])["result"]["error"]["recovery"]
    assert (reported["cause"], reported["lastMessage"]) == ("hopeless", "HTTP 403")
    assert world.disk.conditions == {}


def test_without_a_tester_the_pause_of_each_job_is_kept() -> None:
    world = World()
    (first,) = blocked(world, asks=False)
    world.advance(25)
    (second,) = blocked(world, asks=False)
    (third,) = blocked(world, asks=False, retry_after=120)
    world.advance(5)
    assert (world.started(), world.checks()) == ([first], [])
    world.advance(24)
    assert world.status(second) == "created"
    world.advance(1)
    assert world.started() == [second]
    world.advance(89)
    assert world.status(third) == "created"
    world.advance(1)
    assert world.started() == [third]


def test_the_pause_that_the_program_asks_for_applies_if_it_is_longer() -> None:
    world = World()
    blocked(world, retry_after=120)
    check_at(world, 120, "well")


def test_a_blocked_job_has_neither_slot_nor_lock() -> None:
    world = World(default=1)
    job, other = world.submit("key"), world.submit("key")
    world.blocks(job)
    assert world.started() == [other]
    world.advance(30)
    world.tested("well")
    assert world.reasons(job) == {"config_lock", "pool_full"}
    world.ends(other)
    assert world.started() == [job]


def test_a_blocked_job_that_keeps_its_lock_is_named_as_the_holder() -> None:
    world = World()
    job, other = world.submit("key"), world.submit("key")
    world.blocks(job, hold_lock=True)
    assert world.why(other)["config_lock"].holder_ids == (job,)
    world.crash()
    world.handle_nothing()
    assert world.why(other)["config_lock"].holder_ids == (job,)
    world.advance(30)
    world.tested("well")
    assert world.started() == [job]
    world.blocks(job, hold_lock=True)
    world.terminate(job)
    assert world.status(job) == "terminated"
    assert world.started() == [other]


def test_a_released_job_has_its_old_place_in_line() -> None:
    world = World(default=1)
    first = world.submit()
    world.submit()
    third = world.submit()
    world.blocks(first)
    world.advance(30)
    world.tested("well")
    assert world.position(first) == 1
    assert world.position(third) == 2


def test_a_blocked_job_can_be_terminated_held_and_unblocked() -> None:
    world = World()
    gone, held, freed = blocked(world, 3)
    world.terminate(gone)
    assert world.status(gone) == "terminated"
    world.hold(held)
    world.unblock(freed)
    assert world.started() == [freed]
    assert world.events("job.unblocked", freed) == [{"by": "anna"}]
    world.advance(30)
    world.tested("well")
    assert world.reasons(held) == {"held"}
    with world.refused(InvalidTransition, "recovery blocks"):
        world.unblock(freed)


def test_a_job_that_is_being_terminated_is_not_blocked() -> None:
    world = World()
    job = world.submit()
    world.terminate(job)
    world.blocks(job)
    assert world.status(job) == "terminated"


def test_a_blocked_attempt_has_not_failed_and_one_that_gives_up_is_retried() -> None:
    world = World()
    jobs = world.make(retried("load", 2))
    container, first = jobs["load"], jobs["load 1"]
    world.blocks(first, most=1)
    assert world.statuses(container, first) == ["processing", "created"]
    assert len(world.children(container)) == 1
    world.advance(30)
    world.tested("well")
    world.blocks(first, most=1)
    assert world.status(first) == "error"
    assert len(world.children(container)) == 2


def test_a_check_is_made_again_when_its_result_is_lost() -> None:
    world = World()
    blocked(world)
    world.advance(30)
    (check,) = world.checks()
    world.handle(CheckLost("door", check.number))
    world.advance(0)
    assert world.checks() == [check]


def test_an_overdue_check_is_made_once_after_a_crash() -> None:
    world = World()
    blocked(world)
    world.advance(30)
    (check,) = world.checks()
    world.crash()
    world.advance(500)
    assert world.checks() == [check]
    world.tested("not_yet")
    world.tested("not_yet")
    assert world.disk.conditions["door"]["checks"] == 2


def test_a_result_that_is_reported_twice_counts_once() -> None:
    world = World()
    blocked(world)
    world.advance(30)
    world.tested("not_yet")
    before = dict(world.disk.conditions["door"])
    world.handle(Checked("door", 0, CheckOutcome.WELL))
    world.handle(CheckLost("door", 0))
    assert world.disk.conditions["door"] == before
    assert world.checks() == []


def test_nothing_is_tested_during_a_drain() -> None:
    world = World()
    blocked(world)
    world.drain()
    world.advance(100)
    assert world.checks() == []
    assert (world.scheduler.next_deadline_us() or 0) > world.now_us
    with world.refused(Unavailable, "drained"):
        world.handle(CheckNow("door", ANNA))
    world.undrain()
    world.advance(0)
    assert len(world.checks()) == 1


def test_a_check_by_hand_is_made_at_once_and_releases_all_jobs() -> None:
    world = World()
    jobs = blocked(world, 2)
    world.handle(CheckNow("door", ANNA))
    assert len(world.checks()) == 1
    world.tested("well")
    assert world.started() == jobs
    with world.refused(NotFound, "no condition"):
        world.handle(CheckNow("door", ANNA))


def test_setting_the_clock_changes_no_pause_and_no_expiry() -> None:
    world = World()
    (job,) = blocked(world, expiry=100)
    world.now_us += 3600 * SECOND
    world.handle(ClockSet(3600 * SECOND))
    check_at(world, 30, "not_yet")
    world.advance(70)
    assert world.status(job) == "error"


def test_after_a_siblings_stop_a_failure_is_final() -> None:
    world = World()
    jobs = world.make(rows("load", 3, None, row_on_error="stop"))
    one, two, three = (jobs[f"load {place}"] for place in (1, 2, 3))
    world.blocks(three)
    world.fails(one)
    assert world.status(three) == "terminated"
    world.blocks(two)
    assert world.statuses(two, jobs["load"]) == ["error", "error"]


def test_a_project_has_a_limited_number_of_conditions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovery, "MOST_CONDITIONS", 2)
    world = World()
    for name in ("one", "two"):
        blocked(world, condition=name)
    (shared,) = blocked(world, condition="two")
    (refused,) = blocked(world, condition="three")
    assert world.statuses(shared, refused) == ["created", "error"]
    assert world.row(refused)["result"]["error"]["recovery"]["cause"] == "limit"
    (other,) = world.submit_all(world.draft(project="second"))
    world.blocks(other, condition="four")
    assert world.status(other) == "created"


def test_a_preview_knows_which_jobs_are_blocked() -> None:
    world = World()
    job, other = world.submit("key"), world.submit("key")
    world.blocks(job, hold_lock=True)
    preview = world.scheduler.preview_termination(job, world.now_us)
    assert (preview.cancelled, preview.started) == ((job,), (other,))
    assert world.status(job) == "created"
