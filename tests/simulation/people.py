"""Random requests of people: they submit, steer, repeat unanswered requests, and forget nothing."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from core.random_trees import Trees, place
from lockside.documents.enums import OnLost
from locksided import clock
from locksided.actors.messages import DedupMark, Repeated
from locksided.core import inputs as i
from locksided.core.errors import Refused, Unavailable
from locksided.core.model import NO_NEEDS, Condition, Dependency, Draft, Principal
from locksided.core.saves import AppendEvent
from locksided.store.errors import StoreError
from locksided.store.retention import purge_job
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
    once: DedupMark | None = None
    also: Callable[[Any], Any] | None = None
    makes: int = 0
    ids: list[int] | None = None
    is_open: bool = False
    task: "asyncio.Task[None] | None" = None
    moved: bool = False


@dataclass
class People:
    """The requests of all people, and the answers."""

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
        """The results of unanswered requests are unknown."""
        for request in self.sent.values():
            if request.is_open:
                self._not_done(request)

    def check_answers(self) -> None:
        """Check that no answered job is missing, and none was created twice."""
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

    def once(self) -> DedupMark:
        self.numbers += 1
        name = f"call-{self.numbers}"
        return DedupMark("default", ANNA.uid, "job.create", name, name, reference)

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
            **place(random),
            priority=random.choice([0, 0, 0, -50, 50]),
            lock_key=random.choice(["a", "a", "b", "c", None]),
            lock_share=random.choice([0, 0, 1, 2, 3]),
            start_at_us=world.now_us + random.randrange(-1_000_000, 20_000_000) if rare() < 0.12 else None,
            held=rare() < 0.08,
            depends_on=tuple(
                Dependency(job_id, random.choice([Condition.SUCCESS, Condition.FINAL, Condition.FAILED]))
                for job_id in others
            ),
            parent_id=random.choice(running) if running and rare() < 0.2 else None,
            on_lost=random.choice(list(OnLost)),
            is_program_missing=rare() < 0.15,
            values={"component": "tap", "config": "daily", "spec_hash": "one", "labels": {"of": "anna"}},
            blobs=(("one", b"{}"),),
        )

    def tree(self) -> Draft:
        """Hold, start time, dependencies and parent belong to the outermost container."""
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


def reference(ids: Any) -> dict[str, Any]:
    return {"jobs": [str(job_id) for job_id in ids]}


def words(draft: Draft) -> str:
    """Describe a draft in a few words."""
    parts = [str(draft.type), f"pool {draft.pool}"]
    if draft.lock_key is not None:
        parts.append(f"lock {draft.lock_key}{f' shared:{draft.lock_share}' if draft.lock_share else ''}")
    parts += [f"after job {one.job_id} ({one.condition})" for one in draft.depends_on]
    if draft.parent_id is not None:
        parts.append(f"in job {draft.parent_id}")
    parts += [f"or pool {pool}" for pool in draft.pools[1:]]
    if draft.needs != NO_NEEDS:
        parts.append(f"needs {draft.needs.as_data()}")
    if draft.held:
        parts.append("held")
    if draft.start_at_us is not None:
        parts.append("later")
    if draft.children:
        parts.append(f"{len(draft.children)} children")
    return ", ".join(parts)
