"""Hypothesis searches for the shortest program after which an invariant does not hold."""

from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from core.crowds import LONG
from core.trees import job as task
from core.trees import of_rows, orchestration, phase, retried, rows
from core.world import World
from lockside.documents.enums import JobType, Status
from locksided.core.errors import Refused
from locksided.core.jobs import Job
from locksided.core.model import Dependency, Draft

KEYS = st.sampled_from([None, "a", "b"])
POOLS = st.sampled_from(["default", "other"])
LISTS = st.sampled_from([("default",), ("other",), ("default", "other"), ("other", "default")])
NEEDS = st.sampled_from([{}, {}, {"api": 1}, {"api": 2}, {"gpu": 1}, {"api": 1, "gpu": 1}])
PRIORITIES = st.sampled_from([0, 0, 5, -5])
MOST_LIVE = 40
TREES = [
    rows("two", 2, at_once=1),
    rows("three", 3, at_once=2, row_on_error="stop"),
    rows("free", 2, at_once=None, row_on_error="warning"),
    of_rows("none", [], at_once=1),
    of_rows("again", [retried("a", 2), retried("b", 2, pause=1)], at_once=1),
    retried("one", 3, pause=1, jitter=0.5),
    retried("each", 2, pause=1, lock="c", lock_each=True),
    orchestration(
        "night",
        phase("one", task("x"), rows("r", 2, at_once=1)),
        phase("two", task("y", delay=1), task("z", on_error="stop"), after="one", on_error="warning"),
        phase("three", task("v", on_error="warning"), after="two"),
    ),
    orchestration(
        "diamond", phase("a", task("p")), phase("b", after="a"), phase("c", task("q"), after=["a", "b"])
    ),
]


class Daemon(RuleBasedStateMachine):
    """The world itself checks every step; the rules only state what may happen."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World(default=1, other=2)
        self.world.reserve_after(2)
        self.world.resource("api", 2)
        self.world.resource("gpu", 0, "0", "1")

    def pick(self, data: st.DataObject, jobs: list[Job]) -> int:
        return data.draw(st.sampled_from([job.id for job in jobs]), label="job")

    @property
    def live(self) -> list[Job]:
        return list(self.world.state.jobs.values())

    @property
    def started(self) -> list[Job]:
        return [job for job in self.live if job.has_started and job.type is JobType.STANDARD]

    @property
    def unspawned(self) -> list[Job]:
        return [job for job in self.started if job.run is not None and not job.run.spawned]

    @property
    def waiting(self) -> list[Job]:
        return [job for job in self.live if not job.has_started]

    @rule(
        key=KEYS,
        shared=st.integers(0, 2),
        pools=LISTS,
        slots=st.sampled_from([1, 1, 1, 2]),
        needs=NEEDS,
        priority=PRIORITIES,
        delay=st.sampled_from([None, None, 1.0]),
        held=st.booleans(),
        when=st.sampled_from(["success", "final"]),
        on_lost=st.sampled_from(["requeue", "error"]),
        data=st.data(),
    )
    def submit(self, data: st.DataObject, **wishes: Any) -> None:
        known = list(self.world.disk.jobs)
        after = data.draw(
            st.lists(st.sampled_from(known), max_size=2) if known else st.just([]), label="after"
        )
        parents = [job.id for job in self.started if job.status is Status.PROCESSING]
        parent = data.draw(st.sampled_from([None, *parents]), label="parent")
        try:
            self.world.submit(after=after, parent=parent, **wishes)
        except Refused:
            self.world.check()

    @rule(tree=st.sampled_from(TREES), held=st.booleans(), key=KEYS, data=st.data())
    def submit_a_tree(self, tree: Draft, held: bool, key: str | None, data: st.DataObject) -> None:
        if len(self.live) > MOST_LIVE:
            return
        parents = [job.id for job in self.live if job.status is Status.PROCESSING]
        parent = data.draw(st.sampled_from([None, *parents]), label="parent")
        key = None if tree.type is JobType.RETRY and tree.children[0].lock_key is not None else key
        self.world.submit_all(replace(tree, held=held, lock_key=key, parent_id=parent))

    @precondition(lambda self: self.waiting)
    @rule(data=st.data(), tree=st.sampled_from([None, None, *TREES]), keeps=st.booleans())
    def amend(self, data: st.DataObject, tree: Draft | None, keeps: bool) -> None:
        job = self.world.job(self.pick(data, self.waiting))
        depends_on = tuple(Dependency(other, condition) for other, condition in (job.pending or {}).items())
        draft = replace(tree or task("another"), depends_on=depends_on)
        try:
            self.world.amend(job.id, draft, keep_hold=keeps, keep_start_time=keeps)
        except Refused:
            self.world.check()

    @precondition(lambda self: self.unspawned)
    @rule(data=st.data())
    def a_process_starts(self, data: st.DataObject) -> None:
        self.world.spawned(self.pick(data, self.unspawned))

    @precondition(lambda self: self.unspawned)
    @rule(data=st.data(), cause=st.sampled_from([None, "no memory"]))
    def nothing_was_started(self, data: st.DataObject, cause: str | None) -> None:
        self.world.not_started(self.pick(data, self.unspawned), cause)

    @precondition(lambda self: self.started)
    @rule(data=st.data(), status=st.sampled_from(["success", "warning", "error"]))
    def a_run_ends(self, data: st.DataObject, status: str) -> None:
        self.world.ends(self.pick(data, self.started), status=status)

    @precondition(lambda self: self.started)
    @rule(data=st.data(), failure=st.sampled_from(["user", "application", "timeout"]))
    def a_run_fails(self, data: st.DataObject, failure: str) -> None:
        self.world.fails(self.pick(data, self.started), failure=failure)

    @precondition(lambda self: self.live)
    @rule(data=st.data())
    def look_ahead(self, data: st.DataObject) -> None:
        before = self.world.picture()
        self.world.scheduler.preview_termination(self.pick(data, self.live), self.world.now_us)
        assert self.world.picture() == before

    @precondition(lambda self: self.started)
    @rule(data=st.data())
    def a_step_ends(self, data: st.DataObject) -> None:
        self.world.step_ends(self.pick(data, self.started))

    @precondition(lambda self: self.started)
    @rule(data=st.data())
    def a_run_is_lost(self, data: st.DataObject) -> None:
        self.world.loses(self.pick(data, self.started))

    @precondition(lambda self: self.live)
    @rule(data=st.data())
    def terminate(self, data: st.DataObject) -> None:
        self.world.terminate(self.pick(data, self.live))

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def hold_or_release(self, data: st.DataObject) -> None:
        job_id = self.pick(data, self.waiting)
        (self.world.hold if self.world.job(job_id).held is None else self.world.release)(job_id)

    @precondition(lambda self: self.waiting)
    @rule(data=st.data(), priority=PRIORITIES)
    def reprioritise(self, data: st.DataObject, priority: int) -> None:
        self.world.reprioritise(self.pick(data, self.waiting), priority)

    @precondition(lambda self: self.started)
    @rule(data=st.data(), paused=st.booleans())
    def pause_or_resume(self, data: st.DataObject, paused: bool) -> None:
        try:
            (self.world.pause if paused else self.world.resume)(self.pick(data, self.started))
        except Refused:
            self.world.check()

    @precondition(lambda self: self.started)
    @rule(data=st.data(), any_of=st.booleans())
    def wait(self, data: st.DataObject, any_of: bool) -> None:
        ids = [job.id for job in self.live]
        others = data.draw(st.lists(st.sampled_from(ids), min_size=1, max_size=3), label="others")
        try:
            self.world.wait(self.pick(data, self.started), *others, any_of=any_of)
        except Refused:
            self.world.check()

    @rule(pool=POOLS, slots=st.sampled_from([None, 0, 1, 2]))
    def change_slots(self, pool: str, slots: int | None) -> None:
        self.world.pool(pool, slots)

    @rule(pool=POOLS, paused=st.booleans())
    def pause_or_resume_pool(self, pool: str, paused: bool) -> None:
        (self.world.pause_pool if paused else self.world.resume_pool)(pool)

    @rule(capacity=st.sampled_from([0, 1, 2, None]))
    def change_capacity(self, capacity: int | None) -> None:
        self.world.resource("api", capacity)

    @rule(units=st.sampled_from(["0", "01", "12"]))
    def change_units(self, units: str) -> None:
        self.world.resource("gpu", 0, *units)

    @rule(draining=st.booleans())
    def drain_or_undrain(self, draining: bool) -> None:
        (self.world.drain if draining else self.world.undrain)()

    @rule(reached=st.booleans())
    def the_executor_comes_or_goes(self, reached: bool) -> None:
        (self.world.executor_up if reached else self.world.executor_down)()

    @rule(seconds=st.sampled_from([0.5, 1, 2, 60]))
    def time_passes(self, seconds: float) -> None:
        self.world.advance(seconds)

    @rule()
    def the_daemon_starts_again(self) -> None:
        self.world.crash()
        self.world.handle_nothing()

    def teardown(self) -> None:
        for row in self.world.disk.jobs.values():
            assert row["starts"] <= (row["launches"] if row["type"] == "standard" else 1)


TestDaemon = Daemon.TestCase
TestDaemon.settings = settings(
    max_examples=200 if LONG else 40,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
