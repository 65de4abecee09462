"""Random actions of people, one operation each; None if the action is impossible now."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from core.random_trees import Trees
from locksided import clock
from locksided.core import inputs as i
from locksided.core.errors import NotFound, Unavailable
from locksided.core.explanation import explain
from locksided.core.jobs import Job
from locksided.core.model import Condition, Dependency, Principal
from locksided.core.saves import UpdateJob
from locksided.store.catalog.dedup import move_dedup
from locksided.store.errors import StoreError
from locksided.store.retention import mark_cleaned, prune_dedup
from locksided.store.transaction import Transaction
from simulation.people import ANNA, MOST_LIVE, ROOT, People, Request, reference, words

if TYPE_CHECKING:
    from simulation.daemon import Daemon
    from simulation.world import World

DEDUP_WEEK_US = 7 * 86_400_000_000


def submits(world: "World") -> str | None:
    if len(world.jobs()) > MOST_LIVE:
        return None
    drafts = [world.people.draft() for _ in range(world.random.choice([1, 1, 1, 1, 3]))]
    return world.people.submit(drafts, "; ".join(map(words, drafts)))


def submits_a_tree(world: "World") -> str | None:
    if len(world.jobs()) > MOST_LIVE:
        return None
    tree = world.people.tree()
    return world.people.submit([tree], words(tree))


def sends_again(world: "World") -> str | None:
    """Repeat an unanswered request, or sometimes an answered one."""
    people = world.people
    candidates = people.unsure or list(people.acknowledged.values())
    if not candidates:
        return None
    request = world.random.choice(candidates)
    if request.is_open:
        return None
    if request in people.unsure:
        people.unsure.remove(request)
    assert request.once is not None
    people.send(request)
    return f"Anna sends {request.once.id} again."


def hangs_up(world: "World") -> str | None:
    """A caller does not wait for the answer: the server cancels the call."""
    waiting = [request for request in world.people.sent.values() if request.is_open]
    request = world.one_of(waiting)
    if request is None or request.task is None or request.once is None:
        return None
    world.serving.loop.call_soon(request.task.cancel)
    return f"Anna hangs up on {request.once.id}."


def _steer(world: "World", job: Job, make: Callable[[int, Principal], i.Input], what: str) -> str:
    world.people.send(Request(make(job.id, ANNA)))
    return f"Anna {what} job {job.id}."


def terminates(world: "World") -> str | None:
    job = world.one_of(world.jobs())
    return job and _steer(world, job, i.Terminate, "terminates")


def holds(world: "World") -> str | None:
    job = world.one_of([job for job in world.jobs() if not job.has_started])
    return job and _steer(world, job, i.Hold, "holds")


def releases(world: "World") -> str | None:
    job = world.one_of([job for job in world.jobs() if job.held is not None])
    return job and _steer(world, job, i.Release, "releases")


def pauses(world: "World") -> str | None:
    job = world.one_of(world.in_flight())
    return job and _steer(world, job, i.Pause, "pauses")


def resumes(world: "World") -> str | None:
    job = world.one_of([job for job in world.in_flight() if job.run and job.run.paused_since_us is not None])
    return job and _steer(world, job, i.Resume, "resumes")


def reprioritises(world: "World") -> str | None:
    job = world.one_of(world.jobs())
    if job is None:
        return None
    priority = world.random.choice([-100, 0, 0, 7, 100])
    world.people.send(Request(i.Reprioritise(job.id, priority, ANNA)))
    return f"Anna gives job {job.id} the priority {priority}."


def amends(world: "World") -> str | None:
    """Amend as the API does: dependencies stay, and a repeat of the creation returns the successor."""
    job = world.one_of([job for job in world.jobs() if not job.has_started])
    row = world.disk.row(job.id) if job is not None else None
    if job is None or row is None or row["status"] not in ("created", "waiting"):
        return None
    draft = world.people.tree() if world.random.random() < 0.3 else world.people.draft()
    if job.container is not None:
        draft = Trees(world.random).task()  # never a draft that needs what its own container holds
    wanted = world.disk.rows("SELECT on_id, condition FROM dependencies WHERE job_id = ?", job.id)
    depends_on = tuple(Dependency(on_id, Condition(when)) for on_id, when in wanted if when != "phase")
    draft = replace(draft, project=job.project, depends_on=depends_on, parent_id=None)
    draft = replace(draft, values={**draft.values, "dedup_id": row["dedup_id"]})
    keeps = world.random.random() < 0.7
    work = i.Amend(job.id, draft, ANNA, keep_hold=keeps, keep_start_time=keeps)
    world.people.send(Request(work, also=partial(_move_dedup, world.people, job.id, row["dedup_id"])))
    return f"Anna amends job {job.id}: {words(draft)}."


def _move_dedup(people: People, job_id: int, dedup_id: str | None, successor_id: int) -> Any:
    if dedup_id is None:
        return None

    def write(tx: Transaction) -> None:
        move_dedup(tx, job_id, successor_id, reference([successor_id]))
        tx.save(UpdateJob(job_id, {"dedup_id": None}))
        people.sent[dedup_id].moved = True

    return write


def retries(world: "World") -> str | None:
    """A final job once more, by hand."""
    found = world.disk.rows(
        "SELECT id, retry_of_id FROM jobs WHERE end_us IS NOT NULL AND type = 'standard' "
        "ORDER BY id DESC LIMIT 9"
    )
    if not found or len(world.jobs()) > MOST_LIVE:
        return None
    job_id, root_id = world.random.choice(found)
    draft = world.people.draft()
    values = {
        **draft.values,
        "creator_type": "retry",
        "creator_id": str(job_id),
        "retry_of_id": root_id or job_id,
    }
    return world.people.submit([replace(draft, values=values)], f"a retry of job {job_id}: {words(draft)}")


def changes_a_pool(world: "World") -> str | None:
    pool = world.random.choice(["default", "other", "third", "spare"])
    match world.random.randrange(5):
        case 0:
            work: i.Input = i.PausePool(pool, "for a while", ROOT)
        case 1 | 2:
            work = i.ResumePool(pool, ROOT)
        case 3:
            work = i.PutPool(pool, world.random.choice([0, 1, 2, 5, None]), "local", "", ROOT)
        case _:
            work = i.DeletePool("spare", ROOT)
    world.people.send(Request(work))
    return (
        f"Root asks: {type(work).__name__} {pool}{f' {work.slots}' if isinstance(work, i.PutPool) else ''}."
    )


def drains_or_not(world: "World") -> str | None:
    work = world.random.choice([i.Drain, i.Undrain, i.Undrain])(ROOT)
    world.people.send(Request(work))
    return f"Root asks: {type(work).__name__}."


def a_job_waits(world: "World") -> str | None:
    """A running job begins or ends a wait for others."""
    waiter = world.one_of(world.in_flight())
    jobs = world.jobs()
    if waiter is None:
        return None
    for job_ids, for_all in world.state.waits.get(waiter.id, []):
        world.people.send(Request(i.StopWaiting(waiter.id, job_ids, for_all)))
        return f"Job {waiter.id} waits no longer."
    others = world.random.sample([job.id for job in jobs], min(len(jobs), world.random.choice([1, 1, 2])))
    world.people.send(Request(i.Wait(waiter.id, frozenset(others), world.random.random() < 0.5)))
    return f"Job {waiter.id} waits for {others}."


def asks_why(world: "World") -> str | None:
    """Queries and forecasts change nothing."""
    job = world.one_of(world.jobs())
    if job is None:
        return None

    async def look(daemon: "Daemon") -> None:
        def at(core: Any) -> None:
            live = core.state.jobs.get(job.id)
            if live is not None:
                explain(core.state, live, count=True)
                core.preview_termination(job.id, clock.now_us())

        with suppress(Unavailable):
            await daemon.scheduler.look(at)

    daemon = world.serving
    daemon.loop.create_task(look(daemon))
    return f"Anna asks why job {job.id} waits, and what a terminate would do."


def purges(world: "World") -> str | None:
    """An admin removes everything of a final job."""
    found = world.disk.rows("SELECT id FROM jobs WHERE end_us IS NOT NULL ORDER BY id DESC LIMIT 9")
    if not found:
        return None
    (job_id,) = world.random.choice(found)
    world.people.purge(job_id)
    return f"Root purges job {job_id}."


def retention_goes_round(world: "World") -> str | None:
    daemon = world.serving

    async def go_round() -> None:
        try:
            for job_id in await daemon.store.expired_jobs(clock.now_us(), 5):
                await daemon.scheduler.ask(partial(mark_cleaned, job_id=job_id, now_us=clock.now_us()))
            await daemon.scheduler.ask(partial(prune_dedup, now_us=clock.now_us(), keep_us=DEDUP_WEEK_US))
        except (Unavailable, NotFound, StoreError):
            world.note("   the round is not finished")

    daemon.loop.create_task(go_round())
    return "Retention goes round."
