"""A preview of a termination states what the termination then does."""

from core.world import World


def carry_out(world: World, job: int) -> tuple[list[int], list[int], list[int]]:
    """Terminate a job, let the stopped jobs end, and return the stopped, cancelled and started jobs."""
    before = {other: world.status(other) for other in world.disk.jobs}
    world.terminate(job)
    stopped, started = world.stopped(), world.started()
    for ended in stopped:
        world.ends(ended)
        started += world.started()
    cancelled = [other for other in before if world.status(other) == "cancelled" != before[other]]
    return stopped, cancelled, started


def check(world: World, job: int) -> list[str]:
    """Check that the forecast is right; returns the keys that it says are freed."""
    before = world.picture()
    preview = world.scheduler.preview_termination(job, world.now_us)
    assert world.picture() == before
    world.check()
    stopped, cancelled, started = carry_out(world, job)
    assert sorted(preview.stopped) == sorted(stopped)
    assert sorted(preview.cancelled) == sorted(cancelled)
    assert list(preview.started) == started
    return list(preview.freed)


def test_the_next_job_of_the_line_would_start() -> None:
    world = World()
    job = world.submit("orders")
    world.submit("orders")
    world.submit("orders")
    assert check(world, job) == ["orders"]


def test_all_jobs_that_share_the_lock_would_start() -> None:
    world = World(default=None)
    job = world.submit("orders")
    for _ in range(4):
        world.submit("orders", shared=3)
    check(world, job)
    assert len(world.running()) == 3


def test_a_lock_that_others_share_is_not_freed() -> None:
    world = World()
    job = world.submit("orders", shared=2)
    world.submit("orders", shared=2)
    world.submit("orders")
    assert check(world, job) == []


def test_a_whole_family_frees_as_many_slots_as_it_had() -> None:
    world = World(default=2)
    root = world.submit()
    world.submit(parent=root)
    world.submit("a", parent=root, held=True)
    waiting = [world.submit() for _ in range(3)]
    check(world, root)
    assert world.running() == waiting[:2]


def test_dependants_on_its_success_would_be_cancelled_and_dependants_on_its_end_would_start() -> None:
    world = World()
    job = world.submit()
    needs = world.submit(after=[job])
    world.submit(after=[needs])
    waits = world.submit(after=[job, needs], when="final")
    world.submit(after=[job], when="final", held=True)
    check(world, job)
    assert world.running() == [waits]


def test_a_cancelled_head_would_uncover_the_job_behind_it() -> None:
    world = World()
    world.submit("orders", shared=2)
    head = world.submit("orders")
    behind = world.submit("orders", shared=2)
    check(world, head)
    assert behind in world.running()


def test_in_a_drained_daemon_or_a_paused_pool_nothing_would_start() -> None:
    world = World()
    job = world.submit("orders")
    world.submit("orders")
    world.pause_pool()
    assert world.scheduler.preview_termination(job, world.now_us).started == ()
    world.resume_pool()
    world.drain()
    check(world, job)


def test_a_pool_with_lowered_slots_would_start_no_job() -> None:
    world = World(default=2)
    job = world.submit()
    world.submit()
    world.submit()
    world.pool("default", 1)
    check(world, job)
