"""Turns outcomes into reports: from what the keeper saw and a step left to what the scheduler saves.

Reading an outcome again after a crash gives the same result. Nothing here decides the job's status.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

from lockside.documents.enums import ErrorType, FailureKind, Part, StateFormat, Status
from locksided import clock, threads
from locksided.core import inputs as i
from locksided.core.actions import StartStep
from locksided.core.errors import Refused
from locksided.core.model import Draft
from locksided.keeper.messages import Outcome
from locksided.runs import data_folder
from locksided.runs.accounts import NoAccount
from locksided.runs.chunk_orders import NO_CHUNKS, drafts_of_chunks, read_before
from locksided.runs.data_folder import Collected, OutFile
from locksided.runs.debug_stages import OUTPUT, keep_stage, kept_stages
from locksided.runs.folder import RunFolder, StartToken
from locksided.runs.image_run import NoImage
from locksided.runs.loading import Run, RunLoader, RunPlan
from locksided.runs.log_ranges import printed_state
from locksided.runs.operations import MOST_REPEATS
from locksided.runs.plan import Step
from locksided.runs.reports import kill_report_of, process_of
from locksided.runs.result import (
    RunResult,
    conclude,
    conclude_operation,
    failed_after_all,
    failed_before_start,
    nothing_to_run,
    share_of,
    with_stages,
)
from locksided.runs.saves import NO_INPUTS, Held, Inputs, carried_states, to_save
from locksided.runs.sequence import NextStep, joined, next_step
from locksided.runs.start_order import secrets_of
from locksided.runs.step_results import keep_result, kept_result, kept_results, repeats_of
from locksided.runs.storage import Storage
from locksided.runs.storage_operations import undo_of
from locksided.runs.verdict import Failure, Verdict, ending_of
from locksided.store.rows import RunRow
from locksided.store.stored_files import Writer
from locksided.store.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Conclusion:
    """The report to the scheduler about a start that has ended; for `also` see `SchedulerActor.ask`.

    `then` runs after it is saved, and again after a crash in between.
    """

    report: i.Report
    also: Callable[[Any], Callable[[Transaction], Any] | None] | None = None
    then: Callable[[], Awaitable[None]] | None = None


class StepResult(NamedTuple):
    """The result of a step, and the step that follows: None when the run is over."""

    result: RunResult
    next: NextStep | None


class NothingToRun(Refused):
    """A configuration with nothing to run: a success without a process."""

    def __init__(self) -> None:
        super().__init__("Nothing is to run.")


class RunConclusions:
    """Concludes steps, and starts that did not happen."""

    def __init__(self, loader: RunLoader, storage: Storage, max_children: int) -> None:
        self.loader = loader
        self.max_children = max_children
        self.storage = storage

    async def never_started(self, action: StartStep, refusal: Refused) -> Conclusion:
        """Conclude a job that can never start, or that has nothing to run."""
        row, plan = await self.loader.read(action.job_id)  # only this: the account may be what is missing
        if isinstance(refusal, NothingToRun):
            result = nothing_to_run(plan.spec)
        else:
            kind = FailureKind.SPAWN if isinstance(refusal, NoAccount | NoImage) else FailureKind.INPUT
            step = plan.steps[action.step] if action.step < len(plan.steps) else None
            result = failed_before_start(plan.spec, kind, refusal.message, step)
            if step is not None and (step.total > 1 or step.index):
                folder, launch = self.loader.folder(row.id), action.launch
                following = await threads.run_sync(_after_refusal, folder, launch, row, plan, step, result)
                if following is not None:
                    tables = tuple(following.tables)
                    return Conclusion(i.StepEnded(row.id, action.token, tables, step=following.step))
                result = await _of_all_steps(folder, launch, plan.steps, step, result)
        return await self._finish(action.token, row, plan, result, None)

    def conclude_at_once(self, token: str, outcome: Outcome, *, is_new: bool) -> i.Finished | None:
        """Return the report on a simple command that ended and left nothing to read or remove; else None.

        If it `is_new`, its start was not reported: the report then includes it.
        """
        run = self.loader.known(token)
        if run is None or outcome.kept_folders or outcome.refused is not None or outcome.is_lost:
            return None
        if run.spec.recovery:
            return None  # computing the condition's id may require creating a key
        result = conclude(run.steps[0], run.spec, outcome, Collected())
        self.loader.forget(token)
        return _report(token, result, outcome, is_new=is_new)

    async def discard(self, token: str) -> None:
        """Remove inputs and secrets of a launch that did not happen from its folder."""
        job_id, launch, _ = StartToken.parse(token)
        run = await self.loader.of(job_id, launch)
        self.loader.forget(token)
        await threads.run_for(run.context.account, data_folder.finish, run.context)
        if run.has_images or any(step.operation is not None for step in run.steps):
            await threads.run_for(run.context.account, data_folder.remove_operations, run.context)

    async def failed(self, token: str, outcome: Outcome, fault: Exception) -> Conclusion:
        """Conclude an outcome that this daemon fails to process: an error that says so."""
        message = f"The daemon failed to conclude it ({type(fault).__name__}); its log has the details."
        failure = Failure(ErrorType.APPLICATION, FailureKind.OUTPUT, message)
        values = {
            "result": {"message": message, "error": failure.to_wire()},
            "message": message,
            "process": process_of(outcome),
        }
        with suppress(Refused, OSError):
            await self.discard(token)
        self.loader.forget(token)
        return Conclusion(i.Finished(StartToken.parse(token).job_id, token, Status.ERROR, values))

    async def conclude(self, token: str, outcome: Outcome, *, is_same_boot: bool = True) -> Conclusion:
        """Conclude an outcome. Doing so again after a crash gives the same result.

        `is_same_boot` is False if the machine has booted since the start.
        """
        job_id, launch, index = StartToken.parse(token)
        refused = outcome.refused
        if refused is not None and refused.kind in ("burnt", "system"):
            await self.discard(token)
            cause = refused.message if refused.kind == "system" else None
            return Conclusion(i.NotStarted(job_id, token, cause))
        if refused is not None and refused.kind == "cancelled":
            await self.discard(token)
            told = {"message": refused.message}
            return Conclusion(i.Finished(job_id, token, Status.TERMINATED, told, started=False))
        run = await self.loader.of(job_id, launch)
        step = run.steps[index]
        if outcome.is_lost:
            if step.operation is not None and is_same_boot and await _may_repeat(run, index):
                self.loader.forget(token)
                return Conclusion(i.StepLost(job_id, token))
            return await self._lost(token, run, step, outcome)
        if step.has_data or step.operation is not None or not run.is_one_step:
            held = await self.storage.held(run, step)
            ended = await threads.run_for(
                run.context.account, self._result_and_rest, run, step, outcome, held
            )
        else:
            result = conclude(step, run.spec, outcome, Collected())
            ended = StepResult(result, _next_step(run, step, result))
        return await self._after_step(token, run, step, ended, outcome)

    async def _lost(self, token: str, run: Run, step: Step, outcome: Outcome) -> Conclusion:
        concluded = conclude(step, run.spec, outcome, Collected())
        values = values_of(concluded, outcome)
        report = kill_report_of(outcome)
        if report:
            values["kill_report"] = report
        await _forget_states(run)
        await self.discard(token)
        terms = await self.loader.recovery_of(run.row, run, concluded.failure, outcome)
        return Conclusion(i.Lost(run.row.id, token, values, terms, outcome.preempted))

    async def _after_step(
        self, token: str, run: Run, step: Step, ended: StepResult, outcome: Outcome
    ) -> Conclusion:
        result, children = ended.result, NO_CHUNKS
        folder, launch, account = run.context.folder, run.context.launch, run.context.account
        if step.ends_row if result.success else ended.next is not None:
            await self._keep_row(run, step)
        if ended.next is not None:
            index, tables = ended.next
            return Conclusion(i.StepEnded(run.row.id, token, tuple(tables), step=index))
        if step.total > 1 or step.index or step.operation is not None:
            result = await _of_all_steps(folder, launch, run.steps, step, result)
            result = run.with_plain_states(result)
        if run.is_debug:
            await threads.run_for(account, data_folder.finish_without_output, run.context)
            result = with_stages(result, await threads.run_sync(kept_stages, folder, run.steps))
        elif not step.has_data and not data_folder.is_finished(run.context):
            await threads.run_for(account, data_folder.finish, run.context)
        if result.success and not run.is_debug and run.spec.previous_job_id is not None:
            carried = await carried_states(self.loader.store, self.loader, run)
            result = replace(result, states={**run.plain_states(carried), **result.states})
        if result.success and run.spec.part is Part.SPLITTER:
            result, children = await self._cut(run, step, result)
        is_read = result.success or result.commits
        read = await read_before(self.loader.store, run, result.result["input"])
        inputs = await self.storage.inputs_of(run, read) if is_read else NO_INPUTS
        then, undo = partial(self._clean_up, run, result.files), undo_of(run.spec)
        writer = self.storage.files.writer(run.row, run) if result.files else None
        return await self._finish(token, run.row, run, result, outcome, then, inputs, undo, writer, children)

    async def _clean_up(self, run: Run, files: Sequence[Mapping[str, Any]]) -> None:
        """Remove what the run left behind, after it is saved."""
        await _forget_states(run)
        if files:
            await self.storage.files.remove_sources(run, files)

    async def _cut(self, run: Run, step: Step, result: RunResult) -> tuple[RunResult, tuple[Draft, ...]]:
        """Return the jobs of a splitter's chunks; the result becomes a failure if there are too many."""
        number = len(result.chunks)
        if number > self.max_children:
            message = f"It made {number} chunks; the setting jobs.max_children is {self.max_children}."
            return failed_after_all(result, run.spec, step, message), ()
        return result, await drafts_of_chunks(self.loader.store, run, result.chunks)

    async def _keep_row(self, run: Run, step: Step) -> None:
        """Keep the output of a row before the next row gets a fresh folder."""
        if run.is_debug and step.has_data:
            secrets = secrets_of(run.steps, run.spec, await self.loader.state(run, step))
            await threads.run_for(run.context.account, keep_stage, OUTPUT, step.row, run.context, secrets)
        elif step.index + 1 < len(run.steps):
            await threads.run_for(run.context.account, data_folder.put_aside, step, run.context)

    def _result_and_rest(self, run: Run, step: Step, outcome: Outcome, held: Held) -> StepResult:
        """Return the result of a step; if the run is over, also clean up its folder in the same thread."""
        ended = self._result_of(run, step, outcome, held)
        if step.operation is not None or step.execution.image is not None:
            data_folder.remove_operations(run.context)
        if not run.is_debug and ended.next is None:
            data_folder.put_aside(step, run.context)
            data_folder.finish(run.context)
        return ended

    def _result_of(self, run: Run, step: Step, outcome: Outcome, held: Held) -> StepResult:
        """Return the result of a step: the one kept before a crash, because its sources may be gone."""
        kept = kept_result(run.context.folder, run.context.launch, step.index)
        if kept is not None:
            return StepResult(run.with_plain_states(kept), _next_step(run, step, kept))
        if step.operation:
            result = self._operation_result(run, step, outcome, held)
        else:
            result = _component_result(run, step, outcome)
        following = _next_step(run, step, result)
        if following is not None or not run.is_one_step or run.is_debug or step.operation:
            sealed = run.with_sealed_states(result)
            keep_result(run.context.folder, run.context.launch, step.index, sealed)
        return StepResult(result, following)

    def _operation_result(self, run: Run, step: Step, outcome: Outcome, held: Held) -> RunResult:
        left = data_folder.operation_result(step, run.context) if outcome.refused is None else OutFile()
        return conclude_operation(
            step, run.spec, outcome, left, lambda result: self.storage.checked(run, result, held)
        )

    async def _finish(
        self,
        token: str,
        row: RunRow,
        plan: Run | RunPlan,
        result: RunResult,
        outcome: Outcome | None,
        then: Callable[[], Awaitable[None]] | None = None,
        inputs: Inputs = NO_INPUTS,
        undo: Mapping[str, Any] | None = None,
        writer: Writer | None = None,
        children: tuple[Draft, ...] = NO_CHUNKS,
    ) -> Conclusion:
        terms = await self.loader.recovery_of(row, plan, result.failure, outcome)
        self.loader.forget(token)
        report = replace(_report(token, result, outcome), recovery=terms, children=children)
        return Conclusion(report, partial(to_save, row, result, inputs, undo, writer, plan.spec.part), then)


async def _forget_states(run: Run) -> None:
    """Remove the state files that the run left: their content is saved."""
    if data_folder.has_state_files(run.context.folder):
        await threads.run_for(run.context.account, data_folder.remove_state_files, run.context)


async def _of_all_steps(
    folder: RunFolder, launch: int, steps: tuple[Step, ...], last: Step, result: RunResult
) -> RunResult:
    """Return the result of a run whose last step ended so; a failed run lists the rows that do not run."""
    results = [*await threads.run_sync(kept_results, folder, launch, last.index), result]
    failure = next((one.failure for one in results if not one.success), None)
    failed = last if failure is None or failure.step is None else steps[failure.step - 1]
    return joined(results, [] if all(one.success for one in results) else _rows_after(steps, failed))


async def _may_repeat(run: Run, step: int) -> bool:
    repeats = await threads.run_sync(repeats_of, run.context.folder, run.context.launch, step)
    return repeats < MOST_REPEATS


def _component_result(run: Run, step: Step, outcome: Outcome) -> RunResult:
    collected = Collected()
    if outcome.refused is None:
        failure = ending_of(outcome, step.execution.exit_codes, None).failure
        collected = data_folder.collect(step, run.context, is_last=failure is not None)
        if step.takes_state and step.execution.state is StateFormat.SINGER:
            collected = replace(collected, state=printed_state(run.context.folder, step.index))
    return conclude(step, run.spec, outcome, collected)


def _after_refusal(
    folder: RunFolder, launch: int, row: RunRow, plan: RunPlan, step: Step, result: RunResult
) -> NextStep | None:
    """Return the step after one that cannot be started; None when the run is over. Keeps its result."""
    results = [*kept_results(folder, launch, step.index), result]
    following = next_step(plan.steps, step, plan.spec, row.project, results)
    if following is not None:
        keep_result(folder, launch, step.index, result)
    return following


def _next_step(run: Run, step: Step, result: RunResult) -> NextStep | None:
    """Return the step that follows this one; None when the run is over."""
    has_failed = step.is_after_failure or not result.success
    if not any(later.is_after_failure is has_failed for later in run.steps[step.index + 1 :]):
        return None
    earlier = kept_results(run.context.folder, run.context.launch, step.index)
    return next_step(run.steps, step, run.spec, run.row.project, [*earlier, result])


def _report(token: str, result: RunResult, outcome: Outcome | None, *, is_new: bool = False) -> i.Finished:
    """Return the report of the run's end; without an outcome, of a run that never started."""
    started = outcome is not None and outcome.refused is None
    stages = {}
    if started and outcome is not None:
        stages = _stages(outcome, is_new=is_new)
    return i.Finished(
        StartToken.parse(token).job_id,
        token,
        _STATUSES[result.verdict],
        values_of(result, outcome),
        stages,
        started,
        result.failure_class,
        stopped_by=None if outcome is None else outcome.stopped_by,
    )


def _stages(outcome: Outcome, *, is_new: bool) -> dict[str, int]:
    """Return the stages from the end of the program on; for a new process from its start on."""
    now_us = clock.now_us()
    exit_us = clock.seen_us(outcome.exit_time) if outcome.exit_time else now_us
    end_us = clock.seen_us(outcome.end_time) if outcome.end_time else exit_us
    passed = {"running": clock.seen_us(outcome.spawn_time)} if is_new and outcome.spawn_time else {}
    if outcome.leftovers:
        passed["leftovers"] = exit_us
    return {**passed, "output_mapping": end_us, "cleaning_up": now_us}


_STATUSES = {
    Verdict.SUCCESS: Status.SUCCESS,
    Verdict.WARNING: Status.WARNING,
    Verdict.ERROR: Status.ERROR,
    Verdict.TERMINATED: Status.TERMINATED,
    Verdict.LOST: Status.ERROR,
}


def values_of(result: RunResult, outcome: Outcome | None) -> dict[str, Any]:
    """Return the columns that store a result."""
    values: dict[str, Any] = {
        "result": dict(result.result),
        "usage": list(result.usage),
        "metrics": dict(result.metrics),
        "message": result.summary or result.message,
    }
    if result.process.get("pid") is not None:
        values["process"] = dict(result.process)
    if result.kill_report:
        values["kill_report"] = dict(result.kill_report)
    share = None if outcome is None else share_of((outcome.progress or {}).get("progress"))
    if share is not None:
        values["progress"] = share
    return values


def _rows_after(steps: tuple[Step, ...], failed: Step) -> list[str]:
    """Return the rows that do not run because a row before them failed."""
    later = (step.row for step in steps[failed.index + 1 :] if step.row not in (None, failed.row))
    return [row for row in dict.fromkeys(later) if row is not None]
