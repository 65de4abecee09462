"""A small world around the core: a clock, a disk, and the actions of people and executors, one line each.

After every step the invariants are checked, the saves go to the disk, and the state that a daemon would
load from that disk is compared with the live state.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest

from core.disk import Disk
from core.ends import check_ends
from core.explanations import check_explanations
from core.same import assert_same
from core.trees import all_drafts
from lockside.documents.enums import Backoff, CheckOutcome, FailureClass, OnLost, Status
from locksided.core import inputs as i
from locksided.core import invariants
from locksided.core import recovery_inputs as r
from locksided.core.actions import Action, CheckCondition, PauseRun, ResumeRun, StartStep, StopRun
from locksided.core.errors import Refused
from locksided.core.explanation import explain
from locksided.core.jobs import Job
from locksided.core.model import Condition, Dependency, Draft, Needs, Principal, Program, ReasonKind
from locksided.core.recoveries import RecoveryTerms
from locksided.core.resources import ResourceChanged, ResourceTerms
from locksided.core.scheduler import Scheduler, Step
from locksided.core.state import State
from locksided.core.transitions import FINAL

ANNA = Principal(1000, "anna", 1000)
NOON = 1_000_000_000_000
SECOND = 1_000_000
NO_RESOURCES: Mapping[str, int] = MappingProxyType({})


def recovery_terms(
    condition: str = "door",
    *,
    interval: float = 30,
    longest: float = 600,
    expiry: float = 86_400,
    most: int = 5,
    release: int = 10,
    asks: bool = True,
    hold_lock: bool = False,
    fixed: bool = False,
    retry_after: float = 0,
) -> RecoveryTerms:
    """Return the terms of a policy, in seconds; the defaults are those of the documents."""
    return RecoveryTerms(
        policy="policy",
        condition=condition,
        tester=f"{condition} is open",
        asks=asks,
        interval_us=round(interval * SECOND),
        max_interval_us=round(longest * SECOND),
        expiry_us=round(expiry * SECOND),
        max_blocks=most,
        release=release,
        backoff=Backoff.FIXED if fixed else Backoff.EXPONENTIAL,
        hold_lock=hold_lock,
        retry_after_us=round(retry_after * SECOND),
    )


class World:
    """A daemon's core with pools of these numbers of slots; `default` has four slots by default."""

    def __init__(self, **slots: int | None) -> None:
        self.now_us = NOON
        self.disk = Disk()
        self.scheduler = Scheduler(State())
        self.actions: list[Action] = []
        self.final: dict[int, Status] = {}
        self.checking = True
        for pool, number in ({"default": 4} | slots).items():
            self.pool(pool, number)

    @property
    def state(self) -> State:
        return self.scheduler.state

    def handle(self, asked: i.Input) -> Step:
        """Decide, save and check one step. `actions` are those of the last step."""
        step = self.scheduler.handle(asked, self.now_us)
        self.disk.apply(step.saves)
        check_ends(self.disk, step.saves)
        self.scheduler.saved()
        self.actions = step.actions
        if self.checking:
            self.check()
        return step

    def check(self) -> None:
        invariants.check(self.state)
        check_explanations(self.state)
        assert {row_id for row_id in self.disk.jobs if self.disk.status(row_id) not in FINAL} == set(
            self.state.jobs
        )
        assert_same(self.disk.build(sought={job.id: job.pool.id for job in self.sought()}), self.state)

    @contextmanager
    def checked_at_the_end(self) -> Iterator[None]:
        """Check only once, at the end; for many steps or many jobs."""
        self.checking = False
        yield
        self.checking = True
        self.check()

    def crash(self, *, doubting: bool = False) -> None:
        """Kill the daemon and start it again from the disk. The fate of jobs in flight is still unknown.

        All programs are found, unless the daemon is left in doubt about them, as after a real start.
        """
        state = self.disk.build(forgot=bool(self.sought()))
        self.scheduler = Scheduler(state, self.disk.late)
        for job in self.state.jobs.values():
            if not doubting and job.program is Program.UNVERIFIED:
                job.program = Program.PRESENT

    def handle_nothing(self) -> None:
        """Handle an empty step, in which the loaded state settles."""
        self.handle(i.TimePassed())

    # -- requests of people -------------------------------------------------------------------------------

    def draft(
        self,
        key: str | None = None,
        *,
        shared: int = 0,
        pool: str = "default",
        priority: int = 0,
        after: Iterable[int] = (),
        when: str = "success",
        parent: int | None = None,
        delay: float | None = None,
        held: bool = False,
        on_lost: str = "requeue",
        owner: int = 1000,
        project: str = "default",
        pools: tuple[str, ...] = (),
        slots: int = 1,
        needs: Mapping[str, int] = NO_RESOURCES,
    ) -> Draft:
        return Draft(
            project=project,
            owner_uid=owner,
            pool=pools[0] if pools else pool,
            pools=pools,
            needs=Needs(slots, tuple(needs.items())),
            priority=priority,
            lock_key=key,
            lock_share=shared,
            start_at_us=None if delay is None else self.now_us + round(delay * SECOND),
            held=held,
            depends_on=tuple(Dependency(other, Condition(when)) for other in after),
            parent_id=parent,
            on_lost=OnLost(on_lost),
        )

    def submit_all(self, *drafts: Draft) -> list[int]:
        """Submit several jobs at once: all are accepted, or none."""
        wanted = {dependency.job_id for draft in drafts for dependency in draft.depends_on}
        final = {job_id: self.disk.status(job_id) for job_id in wanted if job_id in self.disk.jobs}
        answer: list[int] = self.handle(i.Submit(drafts, ANNA, final)).answer
        return answer

    def submit(self, key: str | None = None, **wishes: Any) -> int:
        (job_id,) = self.submit_all(self.draft(key, **wishes))
        return job_id

    def make(self, tree: Draft, **wishes: Any) -> dict[str, int]:
        """Submit a tree; returns the ids of all its jobs by their names."""
        (root,) = self.submit_all(replace(tree, **wishes) if wishes else tree)
        return {draft.values["name"]: root + place for place, draft in enumerate(all_drafts(tree))}

    def amend(self, job_id: int, draft: Draft, **keeps: bool) -> int:
        """Replace a job by another; returns the successor."""
        answer: int = self.handle(i.Amend(job_id, draft, ANNA, **keeps)).answer
        return answer

    def terminate(self, job_id: int) -> None:
        self.handle(i.Terminate(job_id, ANNA))

    def hold(self, job_id: int) -> None:
        self.handle(i.Hold(job_id, ANNA))

    def release(self, job_id: int) -> None:
        self.handle(i.Release(job_id, ANNA))

    def pause(self, job_id: int) -> None:
        self.handle(i.Pause(job_id, ANNA))

    def resume(self, job_id: int) -> None:
        self.handle(i.Resume(job_id, ANNA))

    def reprioritise(self, job_id: int, priority: int) -> None:
        self.handle(i.Reprioritise(job_id, priority, ANNA))

    def pool(self, pool_id: str, slots: int | None, executor: str = "local") -> None:
        self.handle(i.PutPool(pool_id, slots, executor, "", ANNA))

    def resource(
        self, name: str, capacity: int | None = 1, *units: str, project: str = "default", shared: bool = False
    ) -> None:
        """Create a resource or change it; with units the capacity is their number."""
        terms = ResourceTerms(project, name, len(units) if units else capacity, units, shared)
        self.disk.resources[terms.key] = terms
        self.handle(ResourceChanged(project, name, terms))

    def delete_resource(self, name: str, project: str = "default") -> None:
        """Delete a resource as the edge does, which refuses while live jobs need it."""
        del self.disk.resources[project, name]
        self.handle(ResourceChanged(project, name, None))

    def reserve_after(self, seconds: float | None) -> None:
        """Set how long a job waits for resources before they are reserved for it."""
        self.disk.reserve_us = self.state.reserve_us = None if seconds is None else round(seconds * SECOND)

    def delete_pool(self, pool_id: str) -> None:
        self.handle(i.DeletePool(pool_id, ANNA))

    def change_pools(self, delete: tuple[str, ...] = (), **slots: int | None) -> None:
        puts = tuple(i.PutPool(name, count, "local", "", ANNA) for name, count in slots.items())
        self.handle(i.ChangePools(puts, tuple(i.DeletePool(name, ANNA) for name in delete), ANNA))

    def pause_pool(self, pool_id: str = "default", comment: str | None = None) -> None:
        self.handle(i.PausePool(pool_id, comment, ANNA))

    def resume_pool(self, pool_id: str = "default") -> None:
        self.handle(i.ResumePool(pool_id, ANNA))

    def drain(self) -> None:
        self.handle(i.Drain(ANNA))

    def undrain(self) -> None:
        self.handle(i.Undrain(ANNA))

    def wait(self, waiter: int, *jobs: int, any_of: bool = False) -> None:
        self.handle(i.Wait(waiter, frozenset(jobs), not any_of))

    def stop_waiting(self, waiter: int, *jobs: int, any_of: bool = False) -> None:
        self.handle(i.StopWaiting(waiter, frozenset(jobs), not any_of))

    @contextmanager
    def refused(self, kind: type[Refused], says: str) -> "Iterator[pytest.ExceptionInfo[Refused]]":
        """Check that the body of the block is refused with such a message and changes nothing."""
        before, events = self.picture(), len(self.disk.events)
        with pytest.raises(kind, match=says) as refusal:
            yield refusal
        assert self.picture() == before
        assert len(self.disk.events) == events
        self.check()

    def picture(self) -> dict[int, tuple[Any, ...]]:
        return {
            job.id: (
                job.status,
                job.priority,
                job.held is None,
                self.reasons(job.id),
                job.run and job.run.token,
            )
            for job in self.state.jobs.values()
        }

    # -- events -------------------------------------------------------------------------------------------

    def advance(self, seconds: float) -> None:
        """Let time pass, and wake the core when it asked to be woken."""
        self.now_us += round(seconds * SECOND)
        deadline_us = self.scheduler.next_deadline_us()
        if deadline_us is not None and deadline_us <= self.now_us:
            self.handle(i.TimePassed())

    def spawned(self, *jobs: int) -> None:
        """Report that the processes of these jobs exist."""
        for job_id in jobs:
            self.handle(i.Spawned(job_id, self.token(job_id), {"pid": 4000 + job_id}))

    def ends(self, *jobs: int, status: str = "success", **values: Any) -> None:
        """End the processes of these jobs with this outcome, even if they are being terminated."""
        for job_id in jobs:
            self.handle(i.Finished(job_id, self.token(job_id), Status(status), values))

    def fails(self, *jobs: int, failure: str | None = None) -> None:
        for job_id in jobs:
            classed = None if failure is None else FailureClass(failure)
            token = self.token(job_id)
            self.handle(i.Finished(job_id, token, Status.ERROR, {}, failure=classed))

    def blocks(self, *jobs: int, failure: str = "application", said: str = "down", **terms: Any) -> None:
        """Let these jobs fail so that a recovery policy with these terms matches."""
        for job_id in jobs:
            error = {"type": "application", "kind": "exit", "message": said}
            values = {"result": {"message": said, "error": error}, "message": said}
            token = self.token(job_id)
            self.handle(
                i.Finished(
                    job_id,
                    token,
                    Status.ERROR,
                    values,
                    failure=FailureClass(failure),
                    recovery=recovery_terms(**terms),
                )
            )

    def checks(self) -> list[CheckCondition]:
        """Return the conditions whose test the last step requested."""
        return [action for action in self.actions if isinstance(action, CheckCondition)]

    def tested(self, outcome: str, condition: str = "door", message: str | None = None) -> None:
        """Report the result of a condition's test."""
        number = self.state.recoveries.conditions[condition].checks
        self.handle(r.Checked(condition, number, CheckOutcome(outcome), message))

    def unblock(self, job_id: int) -> None:
        self.handle(r.Unblock(job_id, ANNA))

    def step_ends(self, job_id: int, *tables: str, step: int | None = None) -> None:
        self.handle(i.StepEnded(job_id, self.token(job_id), tables, step=step))

    def not_started(self, job_id: int, cause: str | None = None) -> None:
        """Report proof that nothing ran; with a cause, the machine refused the process."""
        self.handle(i.NotStarted(job_id, self.token(job_id), cause))

    def keeper_dies(self, job_id: int) -> None:
        self.handle(i.Orphaned(job_id, self.token(job_id)))

    def loses(self, job_id: int, *, preempted: bool = False) -> None:
        """Lose a job: its machine or keeper died, or its engine gave the machine to another job."""
        error = {"type": "application", "kind": "lost", "message": "The machine died under it."}
        values = {"result": {"error": error}}
        self.handle(i.Lost(job_id, self.token(job_id), values, was_preempted=preempted))

    def executor_down(self, cause: str = "the keeper cannot be reached") -> None:
        self.handle(i.ExecutorDown("local", cause))

    def executor_up(self) -> None:
        self.handle(i.ExecutorUp("local"))

    # -- observations -------------------------------------------------------------------------------------

    def job(self, job_id: int) -> Job:
        return self.state.jobs[job_id]

    def token(self, job_id: int) -> str:
        run = self.job(job_id).run
        assert run is not None
        assert run.token is not None, f"job {job_id} does not run"
        return run.token

    def status(self, job_id: int) -> str:
        """Return the status of a job and check that the disk has the same."""
        return self.disk.status(job_id).value

    def statuses(self, *jobs: int) -> list[str]:
        return [self.status(job_id) for job_id in jobs]

    def standing(self, jobs: dict[str, int]) -> dict[str, list[str]]:
        """Return the names of these jobs by status."""
        found: dict[str, list[str]] = {}
        for name, job_id in jobs.items():
            found.setdefault(self.status(job_id), []).append(name)
        return found

    def children(self, job_id: int) -> list[int]:
        """Return the strong children of a job, including final ones."""
        return [
            other_id
            for other_id, row in self.disk.jobs.items()
            if row["parent_id"] == job_id and row["relation"] == "strong"
        ]

    def row(self, job_id: int) -> dict[str, Any]:
        return self.disk.jobs[job_id]

    def why(self, job_id: int, count: bool = True) -> dict[str, Any]:
        """Return all reasons of a job by kind."""
        explanation = explain(self.state, self.job(job_id), count=count)
        return {reason.kind.value: reason for reason in explanation.reasons if reason.via is None}

    def via(self, job_id: int) -> dict[tuple[str, int | None], Any]:
        """Return the reasons of the containers above a job, by kind and container."""
        explanation = explain(self.state, self.job(job_id))
        return {(one.kind.value, one.via): one for one in explanation.reasons if one.via is not None}

    def reasons(self, job_id: int) -> set[str]:
        return {kind.value for kind in map(ReasonKind, self.why(job_id, count=False))}

    def position(self, job_id: int) -> int | None:
        return explain(self.state, self.job(job_id), count=True).position

    def started(self) -> list[int]:
        """Return the jobs that the last step started, in that order."""
        return [action.job_id for action in self.actions if isinstance(action, StartStep)]

    def stopped(self) -> list[int]:
        return [action.job_id for action in self.actions if isinstance(action, StopRun)]

    def paused(self) -> list[int]:
        return [action.job_id for action in self.actions if isinstance(action, PauseRun)]

    def resumed(self) -> list[int]:
        return [action.job_id for action in self.actions if isinstance(action, ResumeRun)]

    def sought(self) -> list[Job]:
        """Return the jobs whose programs are being looked up or fetched."""
        return [job for job in self.state.jobs.values() if not job.program.is_settled]

    def running(self) -> list[int]:
        """Return the jobs that are processing."""
        return [job.id for job in self.state.jobs.values() if job.status is Status.PROCESSING]

    def history(self, job_id: int) -> list[str]:
        """Return every status that a job had, from its events."""
        found = [event for event in self.disk.events if event.job_id == job_id and event.kind == "job.status"]
        return ["created", *(event.data["to"] for event in found)]

    def why_all(self, job_id: int, count: bool = True) -> list[Any]:
        """Return all reasons of a job."""
        return list(explain(self.state, self.job(job_id), count=count).reasons)

    def events(self, kind: str, job_id: int | None = None) -> list[dict[str, Any]]:
        return [
            dict(event.data) for event in self.disk.events if event.kind == kind and event.job_id == job_id
        ]
