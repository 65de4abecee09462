"""Loads runs: of each launch the job's row, its specification, its steps and its folder.

Specifications are frozen, so the steps are planned once for all jobs that share one.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from lockside.documents.enums import JobType, Mode
from locksided.keeper.messages import User
from locksided.paths import StateDir
from locksided.runs.accounts import NoAccount, account_of
from locksided.runs.canonical import thaw
from locksided.runs.environment import JobContext
from locksided.runs.folder import RunFolder, StartToken
from locksided.runs.operations import Operation
from locksided.runs.plan import Step
from locksided.runs.plan import plan as plan_of
from locksided.runs.specification import NO_SPECIFICATION, Specification, StepKind, read_specification
from locksided.store import reads
from locksided.store.catalog.keys import ConfigId
from locksided.store.reads import Documents
from locksided.store.rows import JobRow
from locksided.store.store import Sequel, Store

PLANS_KEPT = 256


@dataclass(frozen=True, slots=True)
class Run:
    """One launch of a job with all that belongs to it."""

    row: JobRow
    spec: Specification
    steps: tuple[Step, ...]
    context: JobContext

    @property
    def is_debug(self) -> bool:
        """Whether snapshots are all that is kept of it."""
        return self.row.mode == Mode.DEBUG

    @property
    def has_images(self) -> bool:
        """Whether any of its steps runs in a container image."""
        return any(step.execution.image is not None for step in self.steps)

    @property
    def is_one_step(self) -> bool:
        """Whether one step is all that is certain of it.

        Else how a step ended tells where in the log the next one begins.
        """
        certain = [step for step in self.steps if not step.may_be_needless]
        return len(certain) == 1 and certain[0].row is None

    @property
    def is_ours_alone(self) -> bool:
        """Whether one step of the daemon's own account is all of it."""
        return self.is_one_step and self.context.run_as is None

    @property
    def is_simple(self) -> bool:
        """Whether it is one command of the daemon's own account, without data: nothing is to be prepared."""
        return self.is_ours_alone and self.steps[0].kind is StepKind.COMMAND


@dataclass(frozen=True, slots=True)
class RunPlan:
    """What frozen documents come to; the same for every job that shares them."""

    spec: Specification
    environment: Mapping[str, str] | None
    steps: tuple[Step, ...]


class RunLoader:
    """Reads runs from the store, and remembers those that are under way."""

    def __init__(
        self, store: Store, state_dir: StateDir, socket: str, operations: Sequence[Operation]
    ) -> None:
        self._operations = operations
        self.store = store
        self._state_dir = state_dir
        self._socket = socket
        self._runs: dict[tuple[int, int], Run] = {}
        self._plans: dict[tuple[str | None, str | None], RunPlan] = {}

    def control(self, token: str) -> str:
        """The control folder of a start."""
        job_id, launch, step = StartToken.parse(token)
        return self.folder(job_id).control(launch, step)

    def folder(self, job_id: int) -> RunFolder:
        """A job's folder."""
        return RunFolder(self._state_dir.work(job_id))

    async def folder_and_owner(self, job_id: int) -> tuple[RunFolder, User | None]:
        """A job's folder and the account that owns what is inside; None for our own, or one that is gone."""
        try:
            run = await self.of(job_id, 1)
        except NoAccount:
            return self.folder(job_id), None
        return run.context.folder, run.context.run_as

    async def begin(self, job_id: int, launch: int) -> Run:
        """The run of a launch that begins; it is remembered until it is over."""
        run = self._runs[job_id, launch] = await self.of(job_id, launch)
        return run

    def documents_of(self, ids: Sequence[int]) -> Sequel[Documents]:
        """What is to be read of these jobs on the store's thread; what is understood already is left out."""
        return partial(reads.documents_of, ids=ids, is_known=self._is_planned)

    def _is_planned(self, row: JobRow) -> bool:
        return _hashes_of(row) in self._plans

    def begin_read(self, job_id: int, launch: int, documents: Documents) -> Run | None:
        """As `begin`, from what was read before; None when that is not enough. Raises NoAccount."""
        row = documents.rows.get(job_id)
        if row is None:
            return None
        plan = self._plans.get(_hashes_of(row))
        if plan is None:
            if not documents.bodies.keys() >= {one for one in _hashes_of(row) if one is not None}:
                return None
            plan = self._planned(row, documents.bodies)
        run = self._runs[job_id, launch] = self.planned(row, plan, launch)
        return run

    def known(self, token: str) -> Run | None:
        """The run of a start that was begun here and is not over."""
        return self._runs.get(StartToken.parse(token)[:2])

    async def of(self, job_id: int, launch: int) -> Run:
        """A launch with all that belongs to it; one that was prepared here is remembered until it is over."""
        return self._runs.get((job_id, launch)) or self.planned(*await self.read(job_id), launch)

    def forget(self, token: str) -> None:
        """The launch is over."""
        self._runs.pop(StartToken.parse(token)[:2], None)

    async def read(self, job_id: int) -> tuple[JobRow, RunPlan]:
        """A job's row, and what its documents come to."""
        row = await self.store.job_row(job_id)
        assert row is not None, f"job {job_id} was started but is not stored"
        return row, await self._plan(row)

    async def _plan(self, row: JobRow) -> RunPlan:
        """What the job's documents come to, worked out once for all that share them: they never change."""
        known = self._plans.get(_hashes_of(row))
        if known is not None:
            return known
        hashes = [one for one in _hashes_of(row) if one is not None]
        return self._planned(row, await self.store.specs(hashes))

    def _planned(self, row: JobRow, bodies: Mapping[str, bytes]) -> RunPlan:
        spec = NO_SPECIFICATION if row.spec_hash is None else read_specification(bodies[row.spec_hash])
        environment = thaw(bodies[row.env_hash]) if row.env_hash is not None else None
        steps = plan_of(spec, environment, self._operations) if row.type == JobType.STANDARD else ()
        if len(self._plans) >= PLANS_KEPT:
            self._plans.clear()
        known = self._plans[_hashes_of(row)] = RunPlan(spec, environment, steps)
        return known

    def account(self, row: JobRow, spec: Specification) -> tuple[User | None, str]:
        """Whom a job runs as (None: nobody else), and that account's home. Raises NoAccount."""
        submitter = row.owner_uid if row.owner_uid is not None else os.geteuid()
        return account_of(submitter, row.owner_gid, None if spec.manifest is None else spec.manifest.user)

    def remember(self, run: Run) -> Run:
        """The run of a launch under way, of which more is known now."""
        self._runs[run.row.id, run.context.launch] = run
        return run

    def planned(self, row: JobRow, plan: RunPlan, launch: int) -> Run:
        """A launch of a job that was read. Raises NoAccount."""
        spec = plan.spec
        run_as, home = self.account(row, spec)
        context = JobContext(
            job_id=row.id,
            run_id=row.run_id,
            launch=launch,
            project=row.project,
            folder=self.folder(row.id),
            socket=self._socket,
            home=home,
            run_as=run_as,
        )
        return Run(row, spec, plan.steps, context)

    async def state(self, run: Run, step: Step) -> Mapping[str, Any] | None:
        """What the last good run left: given to the component's own step, its secrets hidden everywhere."""
        if not step.has_data or run.row.config is None:
            return None
        found = await self.store.state(config_id(run.row), step.row)
        return found.body


def _hashes_of(row: JobRow) -> tuple[str | None, str | None]:
    """The hashes of the documents that decide what a job means."""
    return row.spec_hash, row.env_hash


def config_id(row: JobRow) -> ConfigId:
    """The configuration that a job runs."""
    assert row.component is not None
    assert row.config is not None
    return ConfigId(row.component, row.config, row.branch_id or "default", row.project)
