"""The program of a job that was missing at acceptance is looked up again; without it the job never starts."""

from dataclasses import replace

from core.world import World
from lockside.documents.enums import FailureClass
from locksided.core import inputs as i
from locksided.core.actions import CheckProgram

MISSING = {"result": {"message": "no such program", "error": {"type": "user", "kind": "spawn"}}}


def without_program(world: World, key: str | None = None, **wishes: object) -> int:
    """Submit a job whose program is missing."""
    draft = replace(world.draft(key, **wishes), is_program_missing=True)  # type: ignore[arg-type]
    (job_id,) = world.submit_all(draft)
    return job_id


def lookups(world: World) -> list[int]:
    return [action.job_id for action in world.actions if isinstance(action, CheckProgram)]


def missing(world: World, job_id: int) -> None:
    world.handle(i.CannotStart(job_id, MISSING, FailureClass.USER))


def test_the_program_of_a_job_is_looked_up_when_there_is_no_other_reason_to_wait() -> None:
    world = World()
    job = without_program(world)
    assert (lookups(world), world.started()) == ([job], [])
    assert world.reasons(job) == {"no_executor"}
    assert world.status(job) == "created"


def test_a_job_whose_program_is_found_starts_in_the_same_step() -> None:
    world = World()
    job = without_program(world)
    world.handle(i.ProgramFound(job))
    assert world.started() == [job]
    assert world.history(job) == ["created", "processing"]


def test_a_job_whose_program_is_missing_ends_as_an_error_without_processing() -> None:
    world = World()
    job = without_program(world)
    missing(world, job)
    assert world.history(job) == ["created", "error"]
    assert world.row(job)["result"] == MISSING["result"]
    assert (world.row(job)["starts"], world.row(job).get("start_token")) == (0, None)


def test_the_program_of_a_waiting_job_is_looked_up_at_its_turn_and_not_before() -> None:
    world = World()
    first = world.submit("a")
    job = without_program(world, "a")
    assert lookups(world) == []
    assert world.status(job) == "waiting"
    world.ends(first)
    assert lookups(world) == [job]
    missing(world, job)
    assert world.history(job) == ["created", "waiting", "created", "error"]


def test_a_job_keeps_its_slot_while_its_program_is_looked_up() -> None:
    world = World(default=1)
    job, other = without_program(world), world.submit()
    assert (world.reasons(job), world.reasons(other)) == ({"no_executor"}, {"pool_full"})
    world.handle(i.ProgramFound(job))
    assert (world.started(), world.reasons(other)) == ([job], {"pool_full"})


def test_a_job_without_a_program_releases_its_slot() -> None:
    world = World(default=1)
    job, other = without_program(world), world.submit()
    missing(world, job)
    assert world.started() == [other]


def test_a_job_terminated_during_the_lookup_releases_its_slot() -> None:
    world = World(default=1)
    job, other = without_program(world), world.submit()
    world.terminate(job)
    assert world.started() == [other]


def test_no_more_programs_are_looked_up_at_once_than_there_are_slots() -> None:
    world = World(default=2)
    jobs, looked_for = [], []
    for _ in range(5):
        jobs.append(without_program(world))
        looked_for += lookups(world)
    assert looked_for == jobs[:2]
    world.handle(i.ProgramFound(jobs[0]))
    assert (world.started(), lookups(world)) == (jobs[:1], [])
    missing(world, jobs[1])
    assert lookups(world) == jobs[2:3]


def test_other_jobs_of_the_lock_start_while_a_program_is_looked_up() -> None:
    world = World(default=2)
    job = without_program(world, "a")
    other = world.submit("a")
    assert world.started() == [other]
    world.handle(i.ProgramFound(job))
    assert world.status(job) == "waiting"
    world.ends(other)
    assert world.started() == [job]


def test_dependants_of_a_job_without_a_program_are_decided_by_its_end() -> None:
    world = World()
    job = without_program(world)
    never, after = world.submit(after=[job]), world.submit(after=[job], when="final")
    missing(world, job)
    assert world.statuses(never, after) == ["cancelled", "processing"]


def test_a_lookup_result_that_comes_too_late_changes_nothing() -> None:
    world = World()
    job = without_program(world)
    world.terminate(job)
    missing(world, job)
    assert world.history(job) == ["created", "cancelled"]
    held = without_program(world)
    world.hold(held)
    world.handle(i.ProgramFound(held))
    assert (world.reasons(held), world.started()) == ({"held"}, [])
    world.release(held)
    assert world.started() == [held]
    missing(world, held)
    assert world.status(held) == "processing"


def test_after_a_restart_every_program_is_looked_up_again() -> None:
    world = World()
    running = world.submit("a")
    waiting = world.submit("a")
    world.spawned(running)
    world.crash(doubting=True)
    world.ends(running)
    assert lookups(world) == [waiting]
    world.handle(i.ProgramFound(waiting))
    assert world.started() == [waiting]


def test_a_forecast_assumes_that_the_program_exists() -> None:
    world = World()
    first = world.submit("a")
    job = without_program(world, "a")
    assert world.scheduler.preview_termination(first, world.now_us).started == (job,)


def test_a_job_whose_program_is_fetched_gives_its_slot_to_others_and_says_so() -> None:
    world = World(default=1)
    job = without_program(world)
    other = world.submit()
    assert world.started() == []
    world.handle(i.ProgramAwaited(job, "its image is being pulled"))
    assert world.started() == [other]
    assert world.why(job)["no_executor"].cause == "its image is being pulled"
    world.handle(i.ProgramFound(job))
    assert world.reasons(job) == {"pool_full"}
    world.ends(other)
    assert world.started() == [job]


def test_a_job_whose_program_is_fetched_can_be_held_terminated_and_refused() -> None:
    world = World()
    held, ended, refused = without_program(world), without_program(world), without_program(world)
    for job in (held, ended, refused):
        world.handle(i.ProgramAwaited(job, "its image is being pulled"))
    world.hold(held)
    world.terminate(ended)
    missing(world, refused)
    world.handle(i.ProgramFound(held))
    world.handle(i.ProgramFound(ended))
    assert world.started() == []
    assert [world.status(job) for job in (held, ended, refused)] == ["created", "cancelled", "error"]
