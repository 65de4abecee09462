"""Between store and run: reads what a start needs, has its folder made, makes of an outcome what is saved.

It starts nothing and decides nothing about the job; folders are made and read in threads.
"""

import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from anyio import to_thread

from locksided import clock
from locksided.actors.accounts import NoAccount, account_of
from locksided.actors.flights import Flight
from locksided.actors.scheduler import SchedulerActor
from locksided.actors.stepresults import keep_result, kept_result, kept_results
from locksided.core import inputs as i
from locksided.core.actions import StartStep
from locksided.core.errors import NotFound, Refused
from locksided.core.model import FailureClass, JobType, Status
from locksided.paths import StateDir
from locksided.runner import datafolder
from locksided.runner.datafolder import Collected
from locksided.runner.environment import JobContext, RunAs
from locksided.runner.folder import RunFolder
from locksided.runner.frozen import thaw
from locksided.runner.logranges import LogRange, log_length, log_range
from locksided.runner.plan import Step, plan
from locksided.runner.result import (
    RunResult,
    conclude,
    failed_before_start,
    joined,
    kill_report_of,
    nothing_to_run,
    process_of,
    with_stages,
)
from locksided.runner.stages import OUTPUT, keep_stage, kept_stages, stage_before
from locksided.runner.start import secrets_of, start_message
from locksided.runner.verdict import Failure, Verdict, ending_of
from locksided.runner.words import ErrorKind, ErrorType, Mode
from locksided.settings import Settings
from locksided.store.catalog.configs import ConfigId
from locksided.store.catalog.objects import Change
from locksided.store.catalog.states import save_state
from locksided.store.rows import JobRow
from locksided.store.store import Store
from locksided.store.transaction import Transaction

Conclusion = Callable[[SchedulerActor], Awaitable[Any]]
"""Reports to the scheduler what came of a step, and waits until that is saved."""

MEANINGS_KEPT = 256
PASSABLE = 0o711
"""The state folder's mode once jobs run as other users: they pass through it and see nothing in it."""


@dataclass(frozen=True, slots=True)
class Work:
    """One step of a job with all that belongs to it."""

    row: JobRow
    spec: Mapping[str, Any]
    steps: tuple[Step, ...]
    context: JobContext

    @property
    def is_debug(self) -> bool:
        """Whether snapshots are all that is kept of it."""
        return self.row.mode == Mode.DEBUG


@dataclass(frozen=True, slots=True)
class Meaning:
    """What frozen documents come to; the same for every job that shares them."""

    spec: Mapping[str, Any]
    environment: Mapping[str, str] | None
    steps: tuple[Step, ...]


class Workshop:
    """Prepares and concludes steps."""

    def __init__(self, store: Store, state_dir: StateDir, settings: Settings, socket: str) -> None:
        self._store = store
        self._state_dir = state_dir
        self._settings = settings
        self._socket = socket
        self._works: dict[tuple[int, int], Work] = {}
        self._meanings: dict[tuple[str | None, str | None], Meaning] = {}

    def control(self, token: str) -> str:
        """The control folder of a start."""
        job_id, launch, step = token.split("-")
        return self._folder(int(job_id)).control(int(launch), int(step))

    def _folder(self, job_id: int) -> RunFolder:
        return RunFolder(str(self._state_dir.work(job_id)))

    async def folder_and_owner(self, job_id: int) -> tuple[RunFolder, RunAs | None]:
        """A job's folder and the account that owns what is inside; None for our own, or one that is gone."""
        try:
            work = await self._work(job_id, 1)
        except NoAccount:
            return self._folder(job_id), None
        return work.context.folder, work.context.run_as

    async def frames_of_row(self, job_id: int, row_id: str) -> LogRange | None:
        """Which frames of the last run's log one row wrote; None when it has not begun. Raises NotFound."""
        work = await self._work(job_id, 1)
        steps = [step.index for step in work.steps if step.row == row_id]
        if not steps:
            raise NotFound(f"Job {job_id} runs no row {row_id!r}.", path="$.row")
        return await to_thread.run_sync(log_range, work.context.folder, steps[0], steps[-1])

    async def log_length(self, job_id: int) -> int:
        """How many frames the log of a final job has."""
        return await to_thread.run_sync(log_length, self._folder(job_id))

    # -- before -------------------------------------------------------------------------------------------

    async def prepare(self, action: StartStep) -> dict[str, Any]:
        """Make the step's folder; answers the keeper's start message.

        Raises Refused when the job can never start, OSError when the folder cannot be made now.
        """
        work = await self._work(action.job_id, action.launch)
        self._works[action.job_id, action.launch] = work
        if not work.steps:
            raise NothingToRun
        step = work.steps[action.step]
        if work.context.run_as is not None:
            os.chmod(self._state_dir.root, PASSABLE)
        state = await self._state(work, step)
        await to_thread.run_sync(self._prepare_folder, work, step, state)
        return start_message(
            step,
            work.spec,
            work.context,
            state=state,
            spent_seconds=await self._spent_seconds(action),
            max_log_bytes=self._settings.jobs.max_log_bytes,
            grace_seconds=self._settings.jobs.grace_seconds,
            steps=work.steps,
        )

    def _prepare_folder(self, work: Work, step: Step, state: Mapping[str, Any] | None) -> None:
        datafolder.prepare(step, work.context, state if step.takes_state else None)
        if work.is_debug and step.has_data:
            name = stage_before(work.steps, step)
            keep_stage(name, step.row, work.context, secrets_of(work.steps, work.spec, state))

    async def _spent_seconds(self, action: StartStep) -> float:
        """How long the run lasts already, the time that it was paused left out."""
        if action.step == 0:
            return 0.0
        row = await self._store.job_row(action.job_id)
        assert row is not None, f"job {action.job_id} was started but is not stored"
        now_us = clock.now_us()
        paused_us = row.paused_us
        if row.paused_since_us is not None:
            paused_us += now_us - row.paused_since_us
        return max(now_us - (row.start_us or now_us) - paused_us, 0) / 1e6

    async def _work(self, job_id: int, launch: int) -> Work:
        """A launch with all that belongs to it; one that was prepared here is remembered until it is over."""
        return self._works.get((job_id, launch)) or await self._read_work(job_id, launch)

    async def _read(self, job_id: int) -> tuple[JobRow, Meaning]:
        """A job's row, and what its documents come to."""
        row = await self._store.job_row(job_id)
        assert row is not None, f"job {job_id} was started but is not stored"
        return row, await self._meaning(row)

    async def _meaning(self, row: JobRow) -> Meaning:
        """What the job's documents come to, worked out once for all that share them: they never change."""
        key = (row.spec_hash, row.env_hash)
        known = self._meanings.get(key)
        if known is None:
            bodies = await self._store.specs([one for one in key if one is not None])
            spec = thaw(bodies[row.spec_hash]) if row.spec_hash is not None else {}
            environment = thaw(bodies[row.env_hash]) if row.env_hash is not None else None
            steps = plan(spec, environment) if row.type == JobType.STANDARD else ()
            known = Meaning(spec, environment, steps)
            if len(self._meanings) >= MEANINGS_KEPT:
                self._meanings.clear()
            self._meanings[key] = known
        return known

    async def _read_work(self, job_id: int, launch: int) -> Work:
        row, meaning = await self._read(job_id)
        spec = meaning.spec
        submitter = row.owner_uid if row.owner_uid is not None else os.geteuid()
        run_as, home = account_of(submitter, (spec.get("manifest") or {}).get("user"))
        context = JobContext(
            job_id=job_id,
            run_id=row.run_id,
            launch=launch,
            project=row.project,
            folder=self._folder(job_id),
            socket=self._socket,
            home=home,
            run_as=run_as,
        )
        return Work(row, spec, meaning.steps, context)

    async def _state(self, work: Work, step: Step) -> Mapping[str, Any] | None:
        """What the last good run left: given to the component's own step, its secrets hidden everywhere."""
        if not step.has_data or work.row.config is None:
            return None
        found = await self._store.state(_config_id(work.row), step.row)
        return found.body

    # -- while it runs ------------------------------------------------------------------------------------

    def spawned(self, flight: Flight, message: Mapping[str, Any]) -> i.Spawned:
        """The report of a process that exists."""
        process = process_of(
            {"token": flight.token, "pid": message["pid"], "spawnTime": message["spawnTime"]}
        )
        return i.Spawned(flight.job_id, flight.token, process)

    def progressed(self, flight: Flight, progress: Mapping[str, Any]) -> i.Progressed | None:
        """The report of a job's own words; None when there is nothing in them that is shown."""
        share, message = progress.get("progress"), progress.get("message")
        known_share = _share(share)
        text = message[:4096] if isinstance(message, str) else None
        if known_share is None and text is None:
            return None
        return i.Progressed(flight.job_id, flight.token, known_share, text)

    def forget(self, flight: Flight) -> None:
        """The launch is over."""
        self._works.pop((flight.job_id, _launch_of(flight.token)), None)

    async def discard(self, flight: Flight) -> None:
        """Nothing came of the launch: leave no input and no secret in its folder."""
        work = await self._work(flight.job_id, _launch_of(flight.token))
        self.forget(flight)
        await to_thread.run_sync(datafolder.finish, work.context)

    def failed(self, flight: Flight, outcome: Mapping[str, Any], fault: Exception) -> Conclusion:
        """What is saved when this daemon fails to make sense of an outcome: an error that says so."""
        message = f"The daemon failed to conclude it ({type(fault).__name__}); its log has the details."
        failure = Failure(ErrorType.APPLICATION, ErrorKind.OUTPUT, message)
        values = {
            "result": {"message": message, "error": failure.to_wire()},
            "message": message,
            "process": process_of(outcome),
        }
        report = i.Finished(flight.job_id, flight.token, Status.ERROR, values)

        async def tell(scheduler: SchedulerActor) -> None:
            self.forget(flight)
            await scheduler.ask(report)

        return tell

    def reap(self, flight: Flight) -> dict[str, Any]:
        """The message that has a keeper prove the tree of another, dead keeper's run empty."""
        return {
            "op": "reap",
            "token": flight.token,
            "folder": self.control(flight.token),
            "graceSeconds": self._settings.jobs.grace_seconds,
            "stopSignal": 15,
        }

    # -- after --------------------------------------------------------------------------------------------

    def never_started(self, action: StartStep, refusal: Refused) -> Conclusion:
        """What is saved of a job that can never start, or of one with nothing to run."""
        flight = Flight(action.job_id, action.pool, action.token)

        async def report(scheduler: SchedulerActor) -> None:
            row, meaning = await self._read(action.job_id)  # no more: an account may be what is missing
            spec = meaning.spec
            if isinstance(refusal, NothingToRun):
                result = nothing_to_run(spec)
            else:
                kind = ErrorKind.SPAWN if isinstance(refusal, NoAccount) else ErrorKind.INPUT
                result = failed_before_start(spec, kind, refusal.message)
            await self._finish(scheduler, flight, row, result, {}, started=False)

        return report

    async def conclude(self, flight: Flight, outcome: Mapping[str, Any]) -> Conclusion:
        """What is saved of an outcome. Reading it again after a crash comes to the same."""
        refused = outcome.get("refused")
        if refused is not None and refused["kind"] in ("burnt", "system"):
            cause = refused["message"] if refused["kind"] == "system" else None
            await self.discard(flight)
            return partial(_tell_not_started, i.NotStarted(flight.job_id, flight.token, cause))
        _, launch, index = flight.token.split("-")
        work = await self._work(flight.job_id, int(launch))
        step = work.steps[int(index)]
        if outcome.get("lost") or outcome.get("stopped") == "machine":
            return partial(self._lost, flight, work, step, outcome)
        if step.has_data:
            result = await to_thread.run_sync(self._result_of, work, step, outcome)
        else:
            result = conclude(step, work.spec, outcome, Collected())
        return partial(self._after_step, flight, work, step, result, outcome)

    def _result_of(self, work: Work, step: Step, outcome: Mapping[str, Any]) -> RunResult:
        """What a step came to: as it was kept before a crash, for what it was read from may be gone since."""
        kept = kept_result(work.context.folder, work.context.launch, step.index)
        if kept is not None:
            return kept
        collected = Collected()
        if outcome.get("refused") is None:
            failure = ending_of(outcome, step.execution.exit_codes, None).failure
            collected = datafolder.collect(step, work.context, is_last=failure is not None)
        result = conclude(step, work.spec, outcome, collected)
        keep_result(work.context.folder, work.context.launch, step.index, result)
        return result

    async def _after_step(
        self,
        flight: Flight,
        work: Work,
        step: Step,
        result: RunResult,
        outcome: Mapping[str, Any],
        scheduler: SchedulerActor,
    ) -> None:
        folder, launch = work.context.folder, work.context.launch
        if result.success and step.ends_row:
            await self._keep_row(work, step)
        if result.success and step.index + 1 < len(work.steps):
            await scheduler.ask(i.StepEnded(flight.job_id, flight.token))
            return
        if step.index:
            earlier = await to_thread.run_sync(kept_results, folder, launch, step.index)
            result = joined([*earlier, result], _rows_after(work.steps, step))
        if work.is_debug:
            await to_thread.run_sync(datafolder.finish_without_output, work.context)
            result = with_stages(result, await to_thread.run_sync(kept_stages, folder, work.steps))
        elif step.has_data or not datafolder.is_finished(work.context):
            await to_thread.run_sync(datafolder.finish, work.context)
        started = outcome.get("refused") is None
        await self._finish(scheduler, flight, work.row, result, outcome, started=started)

    async def _keep_row(self, work: Work, step: Step) -> None:
        """Keep what a row left, before the next one gets a fresh folder."""
        if work.is_debug and step.has_data:
            state = await self._state(work, step)
            secrets = secrets_of(work.steps, work.spec, state)
            await to_thread.run_sync(keep_stage, OUTPUT, step.row, work.context, secrets)
        elif step.index + 1 < len(work.steps):
            await to_thread.run_sync(datafolder.put_aside, step, work.context)

    async def _finish(
        self,
        scheduler: SchedulerActor,
        flight: Flight,
        row: JobRow,
        result: RunResult,
        outcome: Mapping[str, Any],
        *,
        started: bool,
    ) -> None:
        exit_us = outcome.get("exitTime") or clock.now_us()
        stages = {"output_mapping": exit_us, "cleaning_up": clock.now_us()} if started else {}
        self.forget(flight)
        report = i.Finished(
            flight.job_id,
            flight.token,
            _status(result.verdict),
            self._values(result, outcome),
            stages,
            started,
            _class_of(result),
        )
        await scheduler.ask(report, also=partial(_states_to_save, row, result))

    def _values(self, result: RunResult, outcome: Mapping[str, Any]) -> dict[str, Any]:
        values: dict[str, Any] = {
            "result": dict(result.result),
            "usage": list(result.usage),
            "metrics": dict(result.metrics),
            "message": result.message,
        }
        if result.process.get("pid") is not None:
            values["process"] = dict(result.process)
        if result.kill_report:
            values["kill_report"] = dict(result.kill_report)
        share = _share((outcome.get("progress") or {}).get("progress"))
        if share is not None:
            values["progress"] = share
        return values

    async def _lost(
        self, flight: Flight, work: Work, step: Step, outcome: Mapping[str, Any], scheduler: SchedulerActor
    ) -> None:
        result = conclude(step, work.spec, outcome, Collected())
        values = self._values(result, outcome)
        report = kill_report_of(outcome)
        if report:
            values["kill_report"] = report
        await self.discard(flight)
        await scheduler.ask(i.Lost(flight.job_id, flight.token, values))


class NothingToRun(Refused):
    """A configuration of which nothing is to run: a success, but no process."""

    def __init__(self) -> None:
        super().__init__("Nothing is to run.")


def _launch_of(token: str) -> int:
    return int(token.split("-")[1])


async def _tell_not_started(report: i.NotStarted, scheduler: SchedulerActor) -> None:
    await scheduler.ask(report)


def _share(value: object) -> float | None:
    """A job's own figure of how far it is, when it is one from 0 to 1."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        return None
    return float(value)


def _rows_after(steps: tuple[Step, ...], failed: Step) -> list[str]:
    """The rows that do not run because one before them failed."""
    later = (step.row for step in steps[failed.index + 1 :] if step.row not in (None, failed.row))
    return [row for row in dict.fromkeys(later) if row is not None]


def _status(verdict: Verdict) -> Status:
    match verdict:
        case Verdict.SUCCESS:
            return Status.SUCCESS
        case Verdict.WARNING:
            return Status.WARNING
        case Verdict.ERROR | Verdict.TERMINATED | Verdict.LOST:
            return Status.ERROR


def _class_of(result: RunResult) -> FailureClass | None:
    return None if result.failure is None else FailureClass(result.failure.retry_class.value)


def _states_to_save(row: JobRow, result: RunResult, ended: Any) -> Callable[[Transaction], Any] | None:
    """The states of a run that ended well, for the transaction that says so."""
    if not result.states or ended not in (Status.SUCCESS, Status.WARNING):
        return None
    states = dict(result.states)

    def write(tx: Transaction) -> None:
        by = {"uid": row.owner_uid, "user": row.owner_name, "gid": row.owner_gid}
        change = Change(clock.now_us(), by)
        for row_id, body in states.items():
            save_state(tx, _config_id(row), row_id, body, change, job_id=row.id)

    return write


def _config_id(row: JobRow) -> ConfigId:
    assert row.component is not None
    assert row.config is not None
    return ConfigId(row.component, row.config, row.branch_id or "default", row.project)
