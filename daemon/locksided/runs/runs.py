"""Prepares and concludes steps for the executors: start orders, and what outcomes result in.

It starts nothing and decides nothing about the job; folders are created and read in threads.
"""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Protocol

from lockside.documents.component import Manifest
from lockside.documents.enums import FailureKind
from locksided import clock, threads
from locksided.backends.base import Backend, Place, RequiredPrograms
from locksided.core import inputs as i
from locksided.core.actions import StartStep
from locksided.core.errors import NotFound, Refused
from locksided.ids import job_uuid
from locksided.joblog import reader
from locksided.keeper.messages import (
    Outcome,
    Progress,
    ReapOrder,
    Started,
    StartOrder,
)
from locksided.paths import StateDir
from locksided.runs import data_folder, operations
from locksided.runs.accounts import NoAccount, account_of
from locksided.runs.chunk_orders import chunk_order
from locksided.runs.conclusions import Conclusion, NothingToRun, RunConclusions, values_of
from locksided.runs.debug_stages import keep_stage, stage_before
from locksided.runs.draft_tree import Owner
from locksided.runs.environment import PLAIN_PATH, JobContext
from locksided.runs.folder import StartToken
from locksided.runs.image_run import Image, NoImage, Podman, keep_images, kept_images
from locksided.runs.inspection import Save
from locksided.runs.job_records import records_operation
from locksided.runs.loading import Run, RunLoader
from locksided.runs.log_ranges import LogRange, log_range
from locksided.runs.outputs import running_output
from locksided.runs.partition import chunk_operations
from locksided.runs.places import Places
from locksided.runs.plan import Step
from locksided.runs.reports import process_of
from locksided.runs.required_programs import required_by_job, required_by_step
from locksided.runs.result import counts_of, failed_before_start, share_of
from locksided.runs.specification import Specification, StepKind
from locksided.runs.staging import ARCHIVE, archive_operations, archive_path, stage_operation, transfer_rules
from locksided.runs.start_order import for_nodes, placed, secrets_of, start_order
from locksided.runs.storage import Storage
from locksided.runs.storage_operations import ADOPT, VACUUM
from locksided.runs.systems import systems_told
from locksided.secrets.guards import missing_in, refuse_missing
from locksided.settings import Settings
from locksided.store.reads import Documents
from locksided.store.store import Store

PASSABLE = 0o711
"""The state folder's mode once jobs run as other users: they may pass through but not list it."""


class ImageFinder(Protocol):
    """Finds images."""

    async def find(
        self, executions: Iterable[Manifest], context: JobContext, awaits: Callable[[str], None] = ...
    ) -> Podman:
        """Return podman for a job with the current images of these components.

        `awaits` is called with the cause of a delay. Raises NoImage.
        """

    async def known(self, images: Mapping[str, Image], context: JobContext) -> Podman:
        """Return podman for a job with images that were found before."""

    def clear_soon(self, token: str, context: JobContext) -> None:
        """Remove the container of a killed run from podman's records."""


class TablesMissing(Exception):
    """The first step of a run writes tables that the job does not hold yet."""

    def __init__(self, tables: tuple[str, ...], stage: str) -> None:
        super().__init__(", ".join(tables))
        self.tables = tables
        self.stage = stage


class Runs(RunConclusions):
    """Prepares steps and concludes them."""

    def __init__(
        self,
        store: Store,
        state_dir: StateDir,
        settings: Settings,
        socket: str,
        backend: Backend,
        images: "ImageFinder",
        umask: str,
        save: Save,
    ) -> None:
        places = Places(str(state_dir.root), store.identity)
        storage = Storage(store, state_dir.lake, places, settings.storage, save)
        records = records_operation(has_tables=bool(storage.operations))
        transfers = (stage_operation(settings.staging), *archive_operations(settings.staging))
        known = (*operations.OPERATIONS, *transfers, *storage.operations, records, *chunk_operations())
        loader = RunLoader(store, places, socket, known)
        super().__init__(loader, storage, settings.jobs.max_children)
        self._store = store
        self._state_dir = state_dir
        self._settings = settings
        self._backend = backend
        self.images = images
        self._umask = umask
        self._spares = str(state_dir.spares)
        self.identity8 = f"{store.identity:015x}"[:8]

    # -- starting -----------------------------------------------------------------------------------------

    def start_at_once(self, action: StartStep, documents: Documents) -> StartOrder | None:
        """Return the order for a simple command that starts for the first time.

        None for anything else, or if nothing was read. Raises Refused when the job can never start.
        """
        run = self.loader.begin_read(action.job_id, action.launch, documents)
        if run is None or run.missing or not run.is_simple or action.launch != 1:
            return None
        (step,) = run.steps
        return self._order(run, step, noted_late=True, **self._keepers_folders(run, step))

    async def prepare(self, action: StartStep) -> StartOrder:
        """Prepare the step's folder; returns the start order.

        Raises Refused when the job can never start, OSError when the folder cannot be created now, and
        TablesMissing when the job must hold tables first.
        """
        self.loader.places.put(action.job_id, None if action.site is None else action.site.work_root)
        run = await self.loader.begin(action.job_id, action.launch)
        if not run.steps:
            raise NothingToRun
        step = await self._with_tables(run, run.steps[action.step])
        if run.context.run_as is not None:
            os.chmod(self._state_dir.root, PASSABLE)
        if run.has_images:
            run = await self._with_images(run, is_first=action.step == 0)
            run = self.loader.remember(run if action.site is None else for_nodes(run, action.site))
        state = await self.loader.state(run, step)
        refuse_missing([*run.missing, *missing_in(state, "$.state")])
        is_here = action.site is None
        is_first_and_ours = is_here and run.is_ours_alone and action.launch == 1 and action.step == 0
        prepared = partial(_prepare_folder, run, step, state, with_empty=not is_first_and_ours)
        await threads.run_for(run.context.account, prepared)
        more = self._keepers_folders(run, step) if is_first_and_ours else {}
        spent = await self._spent_seconds(action)
        return self._order(run, step, state, spent, noted_late=is_here and run.is_one_step, **more)

    async def _with_tables(self, run: Run, step: Step) -> Step:
        """Return an operation with the order for this run: its tables, or its data folder and systems."""
        if step.operation is None:
            return step
        if step.operation not in self.storage.operations:
            order = await self._with_systems(run, step)
            if step.operation.part is not None:
                order = {**order, **await chunk_order(run, self._store, self.loader)}
            return replace(step, order=order)
        if step.operation.name == VACUUM:
            return replace(step, order=await self.storage.vacuum_order(run, step.order or {}))
        known = await self.storage.with_sources(run, step.order or {})
        if "fileEntries" in known:
            known |= await self.storage.files.chosen(run, step.row)
        if known.get("storesFiles"):
            known |= await self.storage.files.to_store(run, step)
        if "system" in (known.get("parameters") or {}):
            systems = await systems_told(self._store, run.spec, run.row, is_written=True)
            rules = transfer_rules(self._settings.staging)
            known |= {"systems": systems, "stateFolder": str(self._state_dir.root), **rules}
        if not step.may_be_needless:
            return replace(step, order=known)
        tables = await self.storage.held_tables(run)
        if not tables and step.index == 0:
            assert step.operation.claims is not None
            if claims := step.operation.claims(run.spec, run.row.project, []):
                raise TablesMissing(tuple(claims), step.operation.stage)
        if step.operation.name != ADOPT and not (known.get("parameters") or {}).get("overForeign"):
            await self.storage.inspection.refuse_troubled(tables)
        await self.storage.check_undo(run, tables)
        await self.storage.finish_drops(tables.values())
        known |= await self.storage.trashed(known)
        await threads.run_for(run.context.account, self.storage.make_buckets, run, tables)
        return replace(step, order=self.storage.output_order(run, known, tables))

    async def _with_systems(self, run: Run, step: Step) -> Mapping[str, Any]:
        """Return the order of a step that moves files. A refused archive may result in a warning only."""
        order = {
            **(step.order or {}),
            "data": run.context.folder.data,
            "stateFolder": str(self._state_dir.root),
            "minFreeBytes": self._settings.storage.min_free_bytes,
        }
        is_archive = step.operation is not None and step.operation.name == ARCHIVE
        if is_archive:
            row = await self._store.job_row(run.row.id)
            assert row is not None, f"job {run.row.id} was started but is not stored"
            order |= {"path": archive_path(run.spec, row), "uuid": job_uuid(self._store.identity, row.id)}
        try:
            systems = await systems_told(self._store, run.spec, run.row, is_written=is_archive)
        except Refused as refusal:
            if not is_archive:
                raise
            return {**order, "refusal": refusal.message}
        return {**order, "systems": systems}

    async def _with_images(self, run: Run, *, is_first: bool) -> Run:
        """Return the run with its images: the current ones at its first step, the same in all others."""
        kept = {} if is_first else await threads.run_sync(kept_images, run.context.folder)
        executions = [step.execution for step in run.steps]
        if kept:
            podman = await self.images.known(kept, run.context)
        else:
            podman = await self.images.find(executions, run.context)
        return replace(run, context=replace(run.context, podman=podman))

    def _keepers_folders(self, run: Run, step: Step) -> dict[str, Any]:
        """Return fields that make the keeper create the folders of a first start, reusing spare ones."""
        folders = tuple(data_folder.empty_folders(step, run.context))
        return {"empty_folders": folders, "spare_folder": self._spares}

    def _order(
        self,
        run: Run,
        step: Step,
        state: Mapping[str, Any] | None = None,
        spent_seconds: float = 0.0,
        **of_keeper: Any,
    ) -> StartOrder:
        return start_order(
            step,
            run.spec,
            run.context,
            state=state,
            spent_seconds=spent_seconds,
            max_log_bytes=self._settings.jobs.max_log_bytes,
            grace_seconds=self._settings.jobs.grace_seconds,
            steps=run.steps,
            umask=self._umask,
            **of_keeper,
        )

    async def _spent_seconds(self, action: StartStep) -> float:
        """Return the duration of the run so far, without pauses."""
        if action.step == 0:
            return 0.0
        row = await self._store.job_row(action.job_id)
        assert row is not None, f"job {action.job_id} was started but is not stored"
        now_us = clock.now_us()
        paused_us = row.paused_us
        if row.paused_since_us is not None:
            paused_us += now_us - row.paused_since_us
        return max(now_us - (row.start_us or now_us) - paused_us, 0) / 1e6

    def placed(self, action: StartStep, order: StartOrder) -> tuple[StartOrder, Place | None]:
        """Return an order and its place; None for this machine, where our own programs always run."""
        run = self.loader.known(order.token)
        assert run is not None, "it was prepared just now"
        return placed(run, action, order, self.identity8)

    def place_of(self, token: str) -> Place | None:
        """Return the place of an earlier start, as far as necessary to end it."""
        job_id = StartToken.parse(token).job_id
        work_root = self.loader.places.work_root(job_id)
        if work_root is None:
            return None
        return Place(work_root=work_root, log_folder=self.loader.folder(job_id).log, options={})

    def reap_order(self, token: str) -> ReapOrder:
        """Return the order to stop what is left of a start whose owner is gone."""
        return ReapOrder(token, self.loader.control(token), self._settings.jobs.grace_seconds)

    async def conclude(self, token: str, outcome: Outcome, *, is_same_boot: bool = True) -> Conclusion:
        run = self.loader.known(token)
        conclusion = await super().conclude(token, outcome, is_same_boot=is_same_boot)
        is_here = run is not None and self.loader.places.work_root(run.row.id) is None
        if outcome.kill_report is not None and run is not None and run.has_images and is_here:
            self.images.clear_soon(token, run.context)
        return conclusion

    # -- the run ------------------------------------------------------------------------------------------

    def spawned(self, message: Started) -> i.Spawned:
        """Return the report of an existing process."""
        token = message.token
        process = process_of(Outcome(token, message.pid, spawn_time=message.spawn_time))
        job_id, _, index = StartToken.parse(token)
        run = self.loader.known(token)
        operation = None if run is None else run.steps[index].operation
        stage = "running" if operation is None else operation.stage
        return i.Spawned(job_id, token, process, stage)

    def progressed(self, message: Progress) -> i.Progressed | None:
        """Return the report of a job's own progress; None if it has nothing to show."""
        share, line = share_of(message.progress.get("progress")), message.progress.get("message")
        text = line[:4096] if isinstance(line, str) else None
        counts, outputs = counts_of(message.progress.get("counts")), message.progress.get("outputs")
        if share is None and text is None and counts is None and not outputs:
            return None
        run = self.loader.known(message.token)
        report = {} if run is None else run.said
        if counts is not None:
            report["counts"] = counts
        job_id, _, index = StartToken.parse(message.token)
        step = None if run is None else run.steps[index].operation
        kind = "inputs" if step is not None and step.failure is FailureKind.INPUT else "outputs"
        if outputs:
            report[kind] = running_output(report.get(kind), outputs)
        reported = (report.get(kind) for kind in ("counts", "outputs", "inputs"))
        return i.Progressed(job_id, message.token, share, text, *reported)

    async def log_range_of_row(self, job_id: int, row_id: str) -> LogRange | None:
        """Return the frames of one row in the last run's log; None before it begins. Raises NotFound."""
        run = await self.loader.of(job_id, 1)
        steps = [step.index for step in run.steps if step.row == row_id]
        if not steps:
            raise NotFound(f"Job {job_id} runs no row {row_id!r}.", path="$.row")
        return await threads.run_sync(log_range, run.context.folder, steps[0], steps[-1])

    async def log_length(self, job_id: int) -> int:
        """Return the number of frames in the log of a final job."""
        return await threads.run_sync(reader.length, self.loader.folder(job_id).log)

    # -- programs -----------------------------------------------------------------------------------------

    async def are_programs_missing(
        self, spec: Specification, environment: Mapping[str, str] | None, owner: Owner
    ) -> bool:
        """Return whether anything that a new job needs is missing, or cannot be checked in advance."""
        try:
            account_of(owner.uid, owner.gid, None if spec.manifest is None else spec.manifest.user)
        except NoAccount:
            return True
        if any(
            one.image is not None for one in (spec.manifest, *spec.processors.values()) if one is not None
        ):
            return True
        required = required_by_job(spec, environment)
        if required is None or not self._backend.is_up:
            return True
        return await self._backend.check_program(required) is not None

    async def check_program(
        self, job_id: int, awaits: Callable[[str], None]
    ) -> i.ProgramFound | i.CannotStart:
        """Report whether the programs of the job's first step exist, as far as that can be determined.

        `awaits` is called with the cause of a delay.
        """
        row, plan = await self.loader.read(job_id)
        if not plan.steps:
            return i.ProgramFound(job_id)
        try:
            run = self.loader.planned(row, plan, row.launches + 1)
            if run.has_images:
                await self.images.find([step.execution for step in run.steps], run.context, awaits)
        except (NoAccount, NoImage) as refusal:
            message: str | None = refusal.message
        else:
            missing = await self._backend.check_program([_required(plan.steps)])
            message = None if missing is None else f"It could not be started: {missing}"
        if message is None:
            return i.ProgramFound(job_id)
        result = failed_before_start(plan.spec, FailureKind.SPAWN, message)
        return i.CannotStart(job_id, values_of(result, None), result.failure_class)


def _required(steps: Sequence[Step]) -> RequiredPrograms:
    """Return what is needed by the first step that runs a user's program."""
    step = next((step for step in steps if step.operation is None), None)
    if step is None:
        return RequiredPrograms((), PLAIN_PATH, None)
    return required_by_step(step.execution, step.component if step.kind is StepKind.COMMAND else "")


def _prepare_folder(run: Run, step: Step, state: Mapping[str, Any] | None, *, with_empty: bool) -> None:
    given = state if step.takes_state else None
    data_folder.prepare(step, run.context, given, with_empty=with_empty)
    if step.index == 0 and run.context.podman is not None:
        keep_images(run.context.folder, run.context.podman.images)
    if run.is_debug and step.has_data:
        name = stage_before(run.steps, step)
        keep_stage(name, step.row, run.context, secrets_of(run.steps, run.spec, state))
