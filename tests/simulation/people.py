"""What people ask for at random: they submit, steer, ask again what was not answered, and forget nothing."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from core.random_trees import Trees
from locksided import clock
from locksided.actors.messages import Once, Repeated
from locksided.core import inputs as i
from locksided.core.errors import NotFound, Refused, Unavailable
from locksided.core.explain import explain
from locksided.core.jobs import Job
from locksided.core.model import Condition, Dependency, Draft, OnLost, Principal
from locksided.core.saves import AppendEvent, UpdateJob
from locksided.store.catalog.dedup import move_dedup
from locksided.store.errors import StoreError
from locksided.store.retention import mark_cleaned, prune_dedup, purge_job
from locksided.store.transaction import Transaction
from simulation.witness import Violation

if TYPE_CHECKING:
    from simulation.daemon import Daemon
    from simulation.world import World

ANNA = Principal(1000, "anna", 1000)
ROOT = Principal(0, "root", 0)
MOST_LIVE = 24
DEDUP_WEEK_US = 7 * 86_400_000_000


@dataclass(eq=False)
class Request:
    """One call: it may be sent again when it has an id. `ids` is its answer."""

    work: Any
    once: Once | None = None
    also: Callable[[Any], Any] | None = None
    makes: int = 0
    ids: list[int] | None = None
    is_open: bool = False
    task: "asyncio.Task[None] | None" = None
    moved: bool = False


@dataclass
class People:
    """Everybody's requests, and what they were told."""

    world: "World"
    numbers: int = 0
    unsure: list[Request] = field(default_factory=list)
    acknowledged: dict[str, Request] = field(default_factory=dict)
    known: set[int] = field(default_factory=set)
    """Ids that somebody was told."""
    purged: set[int] = field(default_factory=set)
    sent: dict[str, Request] = field(default_factory=dict)

    # -- calls --------------------------------------------------------------------------------------------

    def send(self, request: Request) -> None:
        daemon = self.world.serving
        request.is_open = True
        if request.once is not None:
            self.sent[request.once.id] = request
        request.task = daemon.loop.create_task(self._call(daemon, request))

    async def _call(self, daemon: "Daemon", request: Request) -> None:
        try:
            answer = await self._answer(daemon, request)
        except asyncio.CancelledError:
            self._not_done(request)
        except (Unavailable, StoreError):
            self.world.note("   the call is answered: unavailable")
            self._not_done(request)
        except Refused as refusal:
            self.world.note(f"   the call is refused: {refusal.message}")
            request.is_open = False
        else:
            request.is_open = False
            self._heard(request, answer)

    async def _answer(self, daemon: "Daemon", request: Request) -> Any:
        scheduler = daemon.scheduler
        if request.once is not None:
            repeated = await scheduler.done_before(request.once)
            if repeated is not None:
                return repeated
        return await scheduler.ask(request.work, once=request.once, also=request.also)

    def _not_done(self, request: Request) -> None:
        request.is_open = False
        if request.once is not None and request not in self.unsure:
            self.unsure.append(request)

    def _heard(self, request: Request, answer: Any) -> None:
        if not request.makes:
            return
        ids = [int(one) for one in answer.reference["jobs"]] if isinstance(answer, Repeated) else list(answer)
        self.world.note(f"   the answer: job {', '.join(map(str, ids))}")
        if request.ids is not None and request.ids != ids and not request.moved:
            raise Violation(f"a repeated call made jobs {ids}, and first {request.ids}")
        request.ids = ids
        if request.once is not None:
            self.acknowledged[request.once.id] = request
        for job_id in ids:
            if job_id not in self.purged and not self.world.disk.rows(
                "SELECT 1 FROM jobs WHERE id = ?", job_id
            ):
                raise Violation(f"job {job_id} was answered for and is not stored")
        self.known.update(ids)

    def daemon_died(self) -> None:
        """Whoever was not answered does not know."""
        for request in self.sent.values():
            if request.is_open:
                self._not_done(request)

    def check_answers(self) -> None:
        """No job that was answered for is missing, and none was made twice."""
        stored = {job_id for (job_id,) in self.world.disk.rows("SELECT id FROM jobs")}
        missing = self.known - stored - self.purged
        if missing:
            raise Violation(f"jobs {sorted(missing)} were answered for and are gone")
        for dedup_id, made in self.world.disk.rows(
            "SELECT dedup_id, count(*) FROM jobs WHERE dedup_id IS NOT NULL GROUP BY dedup_id"
        ):
            request = self.sent[dedup_id]
            if made > request.makes:
                raise Violation(f"the call {dedup_id} made {made} jobs instead of {request.makes}")

    def once(self) -> Once:
        self.numbers += 1
        name = f"call-{self.numbers}"
        return Once("default", ANNA.uid, "job.create", name, name, _reference)

    # -- drafts -------------------------------------------------------------------------------------------

    def draft(self) -> Draft:
        world, random = self.world, self.world.random
        rare = random.random
        known = sorted(self.known)[-12:]
        others = random.sample(known, min(len(known), random.choice([0, 0, 0, 0, 1, 2])))
        running = [job.id for job in world.jobs() if job.has_started]
        return Draft(
            project=random.choice(["default", "default", "default", "second"]),
            owner_uid=1000,
            pool=random.choice(["default", "default", "other", "third"]),
            priority=random.choice([0, 0, 0, -50, 50]),
            lock_key=random.choice(["a", "a", "b", "c", None]),
            lock_share=random.choice([0, 0, 1, 2, 3]),
            start_at_us=world.now_us + random.randrange(-1_000_000, 20_000_000) if rare() < 0.12 else None,
            held=rare() < 0.08,
            depends_on=tuple(
                Dependency(job_id, random.choice([Condition.SUCCESS, Condition.FINAL])) for job_id in others
            ),
            parent_id=random.choice(running) if running and rare() < 0.2 else None,
            on_lost=random.choice(list(OnLost)),
            values={"component": "tap", "config": "daily", "spec_hash": "one", "labels": {"of": "anna"}},
            blobs=(("one", b"{}"),),
        )

    def tree(self) -> Draft:
        """Hold, start time, dependencies and parent are the outermost container's."""
        outermost = self.draft()
        names = ("project", "priority", "start_at_us", "held", "depends_on", "parent_id")
        return replace(Trees(self.world.random).tree(), **{name: getattr(outermost, name) for name in names})

    def submit(self, drafts: list[Draft], what: str) -> str:
        mark = self.once() if self.world.random.random() < 0.7 else None
        if mark is not None:
            drafts = [replace(one, values={**one.values, "dedup_id": mark.id}) for one in drafts]
        self.send(Request(i.Submit(tuple(drafts), ANNA), mark, makes=len(drafts)))
        return f"Anna submits {what}{f' as {mark.id}' if mark is not None else ''}."

    def purge(self, job_id: int) -> None:
        def write(tx: Transaction) -> list[int]:
            doomed = purge_job(tx, job_id)
            tx.save(AppendEvent(clock.now_us(), "job.purged", "default", job_id))
            self.purged.update(doomed)
            return doomed

        self.send(Request(write))


def _reference(ids: Any) -> dict[str, Any]:
    return {"jobs": [str(job_id) for job_id in ids]}


def words(draft: Draft) -> str:
    """A draft in a few words."""
    parts = [str(draft.type), f"pool {draft.pool}"]
    if draft.lock_key is not None:
        parts.append(f"lock {draft.lock_key}{f' shared:{draft.lock_share}' if draft.lock_share else ''}")
    parts += [f"after job {one.job_id} ({one.condition})" for one in draft.depends_on]
    if draft.parent_id is not None:
        parts.append(f"in job {draft.parent_id}")
    if draft.held:
        parts.append("held")
    if draft.start_at_us is not None:
        parts.append("later")
    if draft.children:
        parts.append(f"{len(draft.children)} children")
    return ", ".join(parts)


# -- what they do, one operation each; None when it cannot be done now ------------------------------------


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
    """What was not answered, or sometimes what was."""
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
    """A caller who does not wait for the answer: the server cancels the call."""
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
    """As the API does: what it depends on stays, and a repeat of its creation answers the successor."""
    job = world.one_of([job for job in world.jobs() if not job.has_started])
    row = world.disk.row(job.id) if job is not None else None
    if job is None or row is None or row["status"] not in ("created", "waiting"):
        return None
    draft = world.people.tree() if world.random.random() < 0.3 else world.people.draft()
    if job.container is not None:
        draft = Trees(world.random).task()  # never one that needs what its own container holds
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
        move_dedup(tx, job_id, successor_id, _reference([successor_id]))
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
    """Looks change nothing, a forecast neither."""
    job = world.one_of(world.jobs())
    if job is None:
        return None

    async def look(daemon: "Daemon") -> None:
        def at(core: Any) -> None:
            live = core.state.jobs.get(job.id)
            if live is not None:
                explain(core.state, live, count=True)
                core.forecast(job.id, clock.now_us())

        with suppress(Unavailable):
            await daemon.scheduler.look(at)

    daemon = world.serving
    daemon.loop.create_task(look(daemon))
    return f"Anna asks why job {job.id} waits, and what a terminate would do."


def purges(world: "World") -> str | None:
    """An admin removes all of a final job."""
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
