"""Random days of a daemon: everything that people, executors and crashes can do, in any order.

LOCKSIDE_SIMULATION_SEED runs only the day of that seed, LOCKSIDE_SIMULATION_DAYS sets the number of days,
and LOCKSIDE_SIMULATION_STEPS the steps of each. At the end of a day every job becomes final.
"""

import os
from collections.abc import Callable
from dataclasses import replace
from random import Random

import pytest

from core.random_trees import RESOURCES, Trees, place
from core.world import ANNA, World
from lockside.documents.enums import JobType, OnLost, Status
from locksided.core import inputs as i
from locksided.core.errors import Refused
from locksided.core.jobs import Job
from locksided.core.model import Condition, Dependency, Draft
from locksided.core.recoveries import RecoveryCondition
from locksided.core.recovery_inputs import CheckLost, CheckNow

DAYS = int(os.environ.get("LOCKSIDE_SIMULATION_DAYS", "6"))
STEPS = int(os.environ.get("LOCKSIDE_SIMULATION_STEPS", "200"))
SEED = os.environ.get("LOCKSIDE_SIMULATION_SEED")
SEEDS = [int(SEED)] if SEED else list(range(DAYS))
MOST_JOBS = 60


class Day:
    """A world of random events. `processes` records what really ran, whatever the core believes."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        slots = self.random.choice([1, 1, 2, 3, 8, None])
        self.world = World(default=slots, other=self.random.choice([1, 2, None]), third=1)
        self.world.reserve_after(self.random.choice([5, 60, None]))
        self.restore_resources()
        self.trees = Trees(self.random)
        self.processes: dict[str, int] = {}
        self.happenings: list[tuple[int, Callable[[], None]]] = [
            (24, self.somebody_submits),
            (6, self.somebody_submits_a_tree),
            (3, self.somebody_amends),
            (8, self.a_program_is_looked_for),
            (20, self.a_process_starts),
            (20, self.a_run_ends),
            (6, self.a_step_ends),
            (6, self.a_start_fails),
            (4, self.a_run_is_lost),
            (2, self.a_keeper_dies),
            (5, self.somebody_terminates),
            (5, self.somebody_holds_or_releases),
            (4, self.somebody_pauses_or_resumes),
            (5, self.somebody_reprioritises),
            (4, self.a_pool_changes),
            (3, self.a_resource_changes),
            (2, self.somebody_drains_or_not),
            (3, self.the_executor_goes_or_comes),
            (12, self.time_passes),
            (4, self.a_job_waits_or_stops_waiting),
            (4, self.the_daemon_crashes),
            (8, self.a_run_fails_that_recovers),
            (6, self.a_check_ends),
            (2, self.somebody_unblocks_or_checks),
        ]

    def live_through(self, steps: int) -> None:
        weights = [weight for weight, _ in self.happenings]
        for _ in range(steps):
            ((_, happens),) = self.random.choices(self.happenings, weights)
            try:
                happens()
            except Refused:
                self.world.check()
            self.check_against_reality()

    # -- choosing jobs ------------------------------------------------------------------------------------

    def one_of(self, jobs: list[Job]) -> Job:
        """Return a random job, or raise the core's refusal if there is none."""
        if not jobs:
            raise Refused("there is none")
        return self.random.choice(jobs)

    def jobs(self) -> list[Job]:
        return list(self.world.state.jobs.values())

    def in_flight(self) -> list[Job]:
        """Return the jobs that have, or should have, a process."""
        return [job for job in self.running() if job.run is not None and job.run.token is not None]

    def running(self) -> list[Job]:
        """Return the jobs in flight and those that wait for tables."""
        return [job for job in self.jobs() if job.has_started and job.type is JobType.STANDARD]

    def is_spawned(self, job: Job) -> bool:
        return self.world.token(job.id) in self.processes

    def unspawned(self) -> list[Job]:
        return [job for job in self.in_flight() if not self.is_spawned(job)]

    # -- events -------------------------------------------------------------------------------------------

    def somebody_submits(self) -> None:
        if len(self.world.state.jobs) < MOST_JOBS:
            self.world.submit_all(*[self.draft() for _ in range(self.random.choice([1, 1, 1, 4]))])

    def draft(self) -> Draft:
        rare = self.random.random
        key = self.random.choice(["a", "b", "c", "d", f"only {rare()}", None])
        known = list(self.world.disk.jobs)[-12:]
        others = self.random.sample(known, min(len(known), self.random.choice([0, 0, 0, 1, 2])))
        parents = [job.id for job in self.in_flight()]
        return Draft(
            project=self.random.choice(["default", "default", "second"]),
            owner_uid=1000,
            **place(self.random),
            priority=self.random.choice([0, 0, 0, -50, 50, 100]),
            lock_key=key,
            lock_share=self.random.choice([0, 0, 1, 2, 3]),
            start_at_us=self.world.now_us + self.random.randrange(20_000_000) if rare() < 0.15 else None,
            held=rare() < 0.1,
            depends_on=tuple(
                Dependency(job, self.random.choice([Condition.SUCCESS, Condition.FINAL])) for job in others
            ),
            parent_id=self.random.choice(parents) if parents and rare() < 0.15 else None,
            on_lost=self.random.choice(list(OnLost)),
            is_program_missing=rare() < 0.15,
        )

    def somebody_submits_a_tree(self) -> None:
        if len(self.world.state.jobs) < MOST_JOBS:
            self.world.submit_all(self.tree())

    def tree(self) -> Draft:
        """Hold, start time and dependencies belong to the outermost container."""
        outermost = self.draft()
        return replace(
            self.trees.tree(),
            project=outermost.project,
            priority=outermost.priority,
            start_at_us=outermost.start_at_us,
            held=outermost.held,
            depends_on=outermost.depends_on,
            parent_id=outermost.parent_id,
        )

    def somebody_amends(self) -> None:
        job = self.one_of([job for job in self.jobs() if not job.has_started])
        draft = self.tree() if self.random.random() < 0.3 else self.draft()
        if job.container is not None:
            draft = self.trees.task()
        wanted = tuple(Dependency(other, condition) for other, condition in (job.pending or {}).items())
        keeps = {"keep_hold": self.random.random() < 0.7, "keep_start_time": self.random.random() < 0.7}
        self.world.amend(job.id, replace(draft, project=job.project, depends_on=wanted), **keeps)

    def a_program_is_looked_for(self) -> None:
        job = self.one_of(self.world.sought())
        found = i.ProgramFound(job.id), i.ProgramAwaited(job.id, "it is fetched"), i.CannotStart(job.id, {})
        (report,) = self.random.choices(found, (5, 2, 3))
        self.world.handle(report)

    def find_all_programs(self) -> None:
        while sought := self.world.sought():
            self.world.handle(i.ProgramFound(sought[0].id))

    def a_process_starts(self) -> None:
        job = self.one_of(self.unspawned())
        self.spawn(job)
        if self.random.random() < 0.9:  # otherwise its report comes late, or never
            self.world.spawned(job.id)

    def spawn(self, job: Job) -> None:
        token = self.world.token(job.id)
        assert token not in self.processes, f"{token} was started twice"
        self.processes[token] = job.id

    def a_run_ends(self) -> None:
        job = self.one_of([job for job in self.in_flight() if self.is_spawned(job)])
        status = self.random.choice(["success", "success", "warning", "error", "fails"])
        if status == "fails":
            self.world.fails(job.id, failure=self.random.choice(["user", "application", "timeout"]))
        else:
            self.world.ends(job.id, status=status)

    def a_run_fails_that_recovers(self) -> None:
        job = self.one_of([job for job in self.in_flight() if self.is_spawned(job)])
        condition = self.random.choice(["door", "window", "gate"])
        self.world.blocks(
            job.id,
            condition=condition,
            asks=condition != "gate",
            interval=self.random.choice([1, 5]),
            expiry=self.random.choice([4, 60]),
            most=self.random.choice([1, 3]),
            release=self.random.choice([1, 2]),
            hold_lock=self.random.random() < 0.4,
            retry_after=self.random.choice([0, 7]),
        )

    def conditions(self) -> list[RecoveryCondition]:
        return list(self.world.state.recoveries.conditions.values())

    def a_check_ends(self) -> None:
        checking = [one for one in self.conditions() if one.is_checking]
        if checking:
            condition = self.random.choice(checking)
            if self.random.random() < 0.2:
                self.world.handle(CheckLost(condition.id, condition.checks))
            else:
                outcome = self.random.choice(["well", "well", "not_yet", "not_yet", "hopeless"])
                self.world.tested(outcome, condition.id)

    def somebody_unblocks_or_checks(self) -> None:
        if self.conditions() and self.random.random() < 0.5:
            self.world.handle(CheckNow(self.random.choice(self.conditions()).id, ANNA))
        else:
            self.world.unblock(self.one_of(self.jobs()).id)

    def a_step_ends(self) -> None:
        job = self.one_of([job for job in self.in_flight() if self.is_spawned(job)])
        has_claimed = job.run is not None and job.run.claim is not None
        number = 0 if has_claimed else self.random.choice([0, 1, 1, 2, 3])
        tables = [f"default/default/in.c-main.{name}" for name in self.random.sample("abcd", number)]
        self.world.step_ends(job.id, *tables)

    def a_start_fails(self) -> None:
        self.world.not_started(self.one_of(self.unspawned()).id, self.random.choice([None, "no memory"]))

    def a_run_is_lost(self) -> None:
        self.world.loses(self.one_of(self.in_flight()).id)

    def a_keeper_dies(self) -> None:
        self.world.keeper_dies(self.one_of(self.in_flight()).id)

    def somebody_terminates(self) -> None:
        job, world = self.one_of(self.jobs()), self.world
        live = {other.id: other.has_started for other in self.jobs()}
        preview = world.scheduler.preview_termination(job.id, world.now_us)
        world.terminate(job.id)
        assert list(preview.stopped) == world.stopped()
        gone = {other for other in live if other not in world.state.jobs}
        assert {other for other in gone if not live[other]} <= set(preview.cancelled)
        assert {other for other in gone if live[other]} <= {other for other, _ in preview.ended}

    def somebody_holds_or_releases(self) -> None:
        job = self.one_of(self.jobs())
        (self.world.hold if job.held is None else self.world.release)(job.id)

    def somebody_pauses_or_resumes(self) -> None:
        job = self.one_of(self.running())
        self.random.choice([self.world.pause, self.world.resume])(job.id)

    def somebody_reprioritises(self) -> None:
        self.world.reprioritise(self.one_of(self.jobs()).id, self.random.choice([-100, 0, 0, 7, 100]))

    def a_pool_changes(self) -> None:
        pool = self.random.choice(["default", "other", "third"])
        match self.random.randrange(4):
            case 0:
                self.world.pause_pool(pool)
            case 1 | 2:
                self.world.resume_pool(pool)
            case 3:
                self.world.pool(pool, self.random.choice([0, 1, 2, 5, None]))

    def a_resource_changes(self) -> None:
        if self.random.random() < 0.5:
            self.world.resource("api", self.random.choice([1, 1, 2, 3, 5, None]), shared=True)
        else:
            units = self.random.sample("0123", self.random.choice([1, 2, 2, 3]))
            self.world.resource("gpu", 0, *units, shared=True)

    def restore_resources(self) -> None:
        self.world.resource("api", RESOURCES["api"], shared=True)
        self.world.resource("gpu", 0, "0", "1", shared=True)

    def somebody_drains_or_not(self) -> None:
        self.random.choice([self.world.drain, self.world.undrain, self.world.undrain])()

    def the_executor_goes_or_comes(self) -> None:
        self.random.choice([self.world.executor_down, self.world.executor_up, self.world.executor_up])()

    def time_passes(self) -> None:
        self.world.advance(self.random.choice([0.01, 0.5, 1, 3, 20]))

    def a_job_waits_or_stops_waiting(self) -> None:
        waiter = self.one_of(self.in_flight())
        for job_ids, for_all in self.world.state.waits.get(waiter.id, []):
            self.world.stop_waiting(waiter.id, *job_ids, any_of=not for_all)
            return
        others = self.random.sample(self.jobs(), min(len(self.jobs()), self.random.choice([1, 1, 2, 3])))
        self.world.wait(waiter.id, *[job.id for job in others], any_of=self.random.random() < 0.5)

    def the_daemon_crashes(self) -> None:
        """Each job in flight is found alive, ended, never started or lost; other programs are in doubt."""
        self.world.crash(doubting=True)
        for job in self.in_flight():
            self.find_out(job)
        self.world.handle_nothing()

    def find_out(self, job: Job) -> None:
        if not self.is_spawned(job) and self.random.random() < 0.7:
            self.world.not_started(job.id)
        elif self.random.random() < 0.2:
            self.world.loses(job.id)
        elif self.random.random() < 0.5:
            self.processes.setdefault(self.world.token(job.id), job.id)
            self.world.ends(job.id)
        else:
            self.processes.setdefault(self.world.token(job.id), job.id)
            self.world.spawned(job.id)

    # -- checks -------------------------------------------------------------------------------------------

    def check_against_reality(self) -> None:
        ran = set(self.processes.values())
        for job_id, row in self.world.disk.jobs.items():
            if row["status"] is Status.CANCELLED:
                assert job_id not in ran, f"job {job_id} is cancelled, but it ran"

    def end_well(self) -> None:
        """Once nothing fails any more, every job becomes final within a bounded number of steps."""
        world = self.world
        world.undrain()
        world.executor_up()
        for pool in list(world.state.pools):
            world.pool(pool, 3)
            world.resume_pool(pool)
        self.restore_resources()
        for job in self.jobs():
            if job.held is not None:
                world.release(job.id)
        steps = 0
        while world.state.jobs:
            steps += 1
            assert steps <= 50 + 4 * len(world.disk.jobs), f"still not final: {sorted(world.state.jobs)}"
            self.move_on()
        assert not world.state.gates
        assert not world.state.dependants
        assert not world.state.descendants
        assert not world.state.no_pool.running
        assert not world.state.waits
        assert not world.state.tables.claimants()
        assert not self.conditions()
        assert not world.disk.conditions
        assert world.scheduler.next_deadline_us() is None

    def move_on(self) -> None:
        world = self.world
        self.find_all_programs()
        for job in self.in_flight():
            if world.state.jobs.get(job.id) is job and job.has_started:
                self.processes.setdefault(world.token(job.id), job.id)
                world.spawned(job.id)
                world.ends(job.id)
        for condition in self.conditions():
            if condition.is_checking:
                world.tested("well", condition.id)
        deadline_us = world.scheduler.next_deadline_us()
        if not self.in_flight() and deadline_us is not None:
            world.now_us = max(world.now_us, deadline_us)
            world.handle(i.TimePassed())


@pytest.mark.parametrize("seed", SEEDS)
def test_after_any_day_every_job_becomes_final_and_no_job_ran_that_must_not_run(seed: int) -> None:
    day = Day(seed)
    try:
        day.live_through(STEPS)
        day.end_well()
    except AssertionError as error:
        error.add_note(f"LOCKSIDE_SIMULATION_SEED={seed} LOCKSIDE_SIMULATION_STEPS={STEPS} shows it again")
        raise
    assert len(day.world.disk.jobs) > STEPS // 25
