"""Loads runs: for each launch the job's row, its specification, its steps and its folder.

Specifications are frozen, so the steps are planned once for all jobs that share one.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from lockside.documents.enums import JobType, Mode
from locksided.core.recoveries import RecoveryTerms
from locksided.keeper.messages import Outcome, User
from locksided.runs.accounts import NoAccount, account_of
from locksided.runs.canonical import thaw
from locksided.runs.environment import JobContext
from locksided.runs.folder import RunFolder, StartToken
from locksided.runs.operations import Operation
from locksided.runs.places import Places
from locksided.runs.plan import Step
from locksided.runs.plan import plan as plan_of
from locksided.runs.recovery_policy import Whose, first_match, terms_of
from locksided.runs.result import RunResult
from locksided.runs.specification import NO_SPECIFICATION, Specification, StepKind, read_specification
from locksided.runs.verdict import Failure
from locksided.secrets.guards import Missing, missing_in
from locksided.secrets.vault import Unfit, Vault
from locksided.store import reads
from locksided.store.catalog.keys import ConfigId
from locksided.store.reads import Documents
from locksided.store.rows import RunRow, place_of
from locksided.store.store import FollowUp, Store

PLANS_KEPT = 256
ENVIRONMENT = "$.parameters.environment"


@dataclass(frozen=True, slots=True)
class Run:
    """One launch of a job with everything it needs; `said` is what its steps have reported so far."""

    row: RunRow
    spec: Specification
    steps: tuple[Step, ...]
    context: JobContext
    vault: Vault
    missing: tuple[Missing, ...] = ()
    said: dict[str, Any] = field(default_factory=dict, compare=False)

    def with_sealed_states(self, result: RunResult) -> RunResult:
        """Return a result in the form kept in the run's folder, with its states encrypted."""
        if not result.states:
            return result
        place = config_id(self.row).place
        sealed = {
            row: self.vault.seal(body, place, unfit=Unfit.ENCRYPT) for row, body in result.states.items()
        }
        return replace(result, states=sealed)

    def with_plain_states(self, result: RunResult) -> RunResult:
        """Return a result from the run's folder with its states decrypted."""
        return replace(result, states=self.plain_states(result.states)) if result.states else result

    def plain_states(self, states: Mapping[str | None, Any]) -> dict[str | None, Any]:
        """Return decrypted states from the folder of a run of this configuration."""
        open_ = self.vault.opened_if_possible
        return {row: open_(body, config_id(self.row).place) for row, body in states.items()}

    @property
    def is_debug(self) -> bool:
        """Whether only snapshots of it are kept."""
        return self.row.mode == Mode.DEBUG

    @property
    def has_images(self) -> bool:
        """Whether any of its steps runs in a container image."""
        return any(step.execution.image is not None for step in self.steps)

    @property
    def is_one_step(self) -> bool:
        """Whether it certainly has only one step.

        Otherwise the end of a step determines where in the log the next one begins.
        """
        certain = [step for step in self.steps if not step.may_be_needless]
        return len(certain) == 1 and certain[0].row is None

    @property
    def is_ours_alone(self) -> bool:
        """Whether it consists of one step of the daemon's own account."""
        return self.is_one_step and self.context.run_as is None

    @property
    def is_simple(self) -> bool:
        """Whether it is one command of the daemon's own account without data: nothing must be prepared."""
        return self.is_ours_alone and self.steps[0].kind is StepKind.COMMAND


@dataclass(frozen=True, slots=True)
class RunPlan:
    """Decrypted documents and their plan; the same for every job that shares them.

    `missing` are the secrets that could not be decrypted.
    """

    spec: Specification
    environment: Mapping[str, str] | None
    steps: tuple[Step, ...]
    missing: tuple[Missing, ...] = ()


class RunLoader:
    """Reads runs from the store, and caches those in progress."""

    def __init__(self, store: Store, places: Places, socket: str, operations: Sequence[Operation]) -> None:
        self._operations = operations
        self.store = store
        self.places = places
        self._socket = socket
        self._runs: dict[tuple[int, int], Run] = {}
        self._plans: dict[tuple[str | None, str | None], RunPlan] = {}

    def control(self, token: str) -> str:
        """Return the control folder of a start."""
        job_id, launch, step = StartToken.parse(token)
        return self.folder(job_id).control(launch, step)

    def folder(self, job_id: int) -> RunFolder:
        """Return a job's folder."""
        return self.places.folder(job_id)

    async def folder_and_owner(self, job_id: int) -> tuple[RunFolder, User | None]:
        """Return a job's folder and the owner of its content; None for our own or a deleted account."""
        try:
            run = await self.of(job_id, 1)
        except NoAccount:
            return self.folder(job_id), None
        return run.context.folder, run.context.run_as

    async def begin(self, job_id: int, launch: int) -> Run:
        """Return the run of a new launch; it is cached until it is over."""
        run = self._runs[job_id, launch] = await self.of(job_id, launch)
        return run

    def documents_of(self, ids: Sequence[int]) -> FollowUp[Documents]:
        """Return how to read these jobs' documents on the store's thread, except those already planned."""
        return partial(reads.documents_of, ids=ids, is_known=self._is_planned)

    def _is_planned(self, row: RunRow) -> bool:
        return _hashes_of(row) in self._plans

    def begin_read(self, job_id: int, launch: int, documents: Documents) -> Run | None:
        """Like `begin`, from documents read before; None if they are not sufficient. Raises NoAccount."""
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
        """Return the run of a start that began here and is not over."""
        return self._runs.get(StartToken.parse(token)[:2])

    async def of(self, job_id: int, launch: int) -> Run:
        """Return a launch; one that was prepared here is cached until it is over."""
        return self._runs.get((job_id, launch)) or self.planned(*await self.read(job_id), launch)

    def forget(self, token: str) -> None:
        """Remove the launch from the cache."""
        self._runs.pop(StartToken.parse(token)[:2], None)

    async def read(self, job_id: int) -> tuple[RunRow, RunPlan]:
        """Return a job's row and its plan."""
        row = await self.store.run_row(job_id)
        assert row is not None, f"job {job_id} was started but is not stored"
        return row, await self._plan(row)

    async def _plan(self, row: RunRow) -> RunPlan:
        """Return the plan of the job's documents, cached for all jobs that share them: they never change."""
        known = self._plans.get(_hashes_of(row))
        if known is not None:
            return known
        hashes = [one for one in _hashes_of(row) if one is not None]
        return self._planned(row, await self.store.specs(hashes))

    def _planned(self, row: RunRow, bodies: Mapping[str, bytes]) -> RunPlan:
        vault, place = self.store.vault, place_of(row)
        plain = {name: vault.opened_text(body, place) for name, body in bodies.items()}
        spec = NO_SPECIFICATION if row.spec_hash is None else read_specification(plain[row.spec_hash])
        environment = thaw(plain[row.env_hash]) if row.env_hash is not None else None
        missing = tuple(missing_in(environment, ENVIRONMENT)) if isinstance(environment, str) else ()
        if missing:
            environment = None
        steps = plan_of(spec, environment, self._operations) if row.type == JobType.STANDARD else ()
        missing += tuple(one for step in steps for one in _missing_of(step))
        if len(self._plans) >= PLANS_KEPT:
            self._plans.clear()
        known = self._plans[_hashes_of(row)] = RunPlan(spec, environment, steps, missing)
        return known

    def account(self, row: RunRow, spec: Specification) -> tuple[User | None, str]:
        """Return the account of a job (None: the daemon's own) and its home. Raises NoAccount."""
        submitter = row.owner_uid if row.owner_uid is not None else os.geteuid()
        return account_of(submitter, row.owner_gid, None if spec.manifest is None else spec.manifest.user)

    def remember(self, run: Run) -> Run:
        """Replace the cached run of a launch in progress."""
        self._runs[run.row.id, run.context.launch] = run
        return run

    def planned(self, row: RunRow, plan: RunPlan, launch: int) -> Run:
        """Return a launch of a job whose row and plan are known. Raises NoAccount."""
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
            schedule=row.schedule,
            trigger=row.trigger,
            resources=row.resources,
            chunk=row.chunk,
        )
        return Run(row, spec, plan.steps, context, self.store.vault, plan.missing)

    async def recovery_of(
        self, row: RunRow, plan: Run | RunPlan, failure: Failure | None, outcome: Outcome | None
    ) -> RecoveryTerms | None:
        """Return the terms of the recovery policy that a failure matches; None if none does."""
        progress = None if outcome is None else outcome.progress
        policy = first_match(plan.spec.recovery, failure, progress)
        if policy is None:
            return None
        user = None if plan.spec.manifest is None else plan.spec.manifest.user
        whose = Whose(row.project, row.owner_uid, user)
        return terms_of(policy, plan.steps, whose, await self.store.hasher(), progress)

    async def state(self, run: Run, step: Step) -> Mapping[str, Any] | None:
        """Return the state of the last successful run; its secrets are redacted in all steps."""
        if not step.has_data or run.row.config is None:
            return None
        of = config_id(run.row)
        found = await self.store.state(of, step.row)
        plain: Mapping[str, Any] = self.store.vault.opened_if_possible(found.body, of.place)
        return plain


def _missing_of(step: Step) -> Iterator[Missing]:
    """Yield the secrets of a step that could not be decrypted."""
    yield from missing_in(step.config_file)
    yield from missing_in(step.order)
    yield from missing_in(step.execution.environment, "$.environment")


def _hashes_of(row: RunRow) -> tuple[str | None, str | None]:
    """Return the hashes of the documents that determine a job's plan."""
    return row.spec_hash, row.env_hash


def config_id(row: RunRow) -> ConfigId:
    """Return the configuration that a job runs."""
    assert row.component is not None
    assert row.config is not None
    return ConfigId(row.component, row.config, row.branch_id or "default", row.project)
