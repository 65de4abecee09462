"""What an outcome becomes: from what the keeper saw and what a step left to what the scheduler saves.

Reading an outcome again after a crash comes to the same. Nothing here decides about the job's status.
"""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from lockside.documents.enums import ErrorType, FailureClass, FailureKind, Status
from locksided import clock, to_thread
from locksided.actors.accounts import NoAccount
from locksided.actors.flights import Flight
from locksided.actors.scheduler import SchedulerActor
from locksided.actors.stepresults import keep_result, kept_result, kept_results
from locksided.actors.works import Work, Works, config_id, launch_of
from locksided.core import inputs as i
from locksided.core.actions import StartStep
from locksided.core.errors import Refused
from locksided.runner import datafolder
from locksided.runner.datafolder import Collected
from locksided.runner.plan import Step
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
from locksided.runner.stages import OUTPUT, keep_stage, kept_stages
from locksided.runner.start import secrets_of
from locksided.runner.verdict import Failure, Verdict, ending_of
from locksided.store.catalog.keys import Change
from locksided.store.catalog.states import save_state
from locksided.store.rows import JobRow
from locksided.store.transaction import Transaction

Conclusion = Callable[[SchedulerActor], Awaitable[Any]]
"""Reports to the scheduler what came of a step, and waits until that is saved."""


class NothingToRun(Refused):
    """A configuration of which nothing is to run: a success, but no process."""

    def __init__(self) -> None:
        super().__init__("Nothing is to run.")


class Conclusions:
    """Concludes steps, and those that never began."""

    def __init__(self, works: Works) -> None:
        self._works = works

    def never_started(self, action: StartStep, refusal: Refused) -> Conclusion:
        """What is saved of a job that can never start, or of one with nothing to run."""
        flight = Flight(action.job_id, action.pool, action.token)

        async def report(scheduler: SchedulerActor) -> None:
            row, meaning = await self._works.read(action.job_id)  # no more: an account may be what is missing
            spec = meaning.spec
            if isinstance(refusal, NothingToRun):
                result = nothing_to_run(spec)
            else:
                kind = FailureKind.SPAWN if isinstance(refusal, NoAccount) else FailureKind.INPUT
                result = failed_before_start(spec, kind, refusal.message)
            await self._finish(scheduler, flight, row, result, {}, started=False)

        return report

    def at_once(self, flight: Flight, outcome: Mapping[str, Any]) -> i.Finished | None:
        """The report on a simple command that ended and left nothing to be read or removed; else None."""
        work = self._works.known(flight)
        if not flight.is_simple or work is None or outcome.get("keptFolders"):
            return None
        if outcome.get("refused") or outcome.get("lost") or outcome.get("stopped") == "machine":
            return None
        result = conclude(work.steps[0], work.spec, outcome, Collected())
        self._works.forget(flight)
        return _report(flight, result, outcome, started=True)

    async def discard(self, flight: Flight) -> None:
        """Nothing came of the launch: leave no input and no secret in its folder."""
        work = await self._works.of(flight.job_id, launch_of(flight.token))
        self._works.forget(flight)
        await to_thread.run_for(work.context.account, datafolder.finish, work.context)

    def failed(self, flight: Flight, outcome: Mapping[str, Any], fault: Exception) -> Conclusion:
        """What is saved when this daemon fails to make sense of an outcome: an error that says so."""
        message = f"The daemon failed to conclude it ({type(fault).__name__}); its log has the details."
        failure = Failure(ErrorType.APPLICATION, FailureKind.OUTPUT, message)
        values = {
            "result": {"message": message, "error": failure.to_wire()},
            "message": message,
            "process": process_of(outcome),
        }
        report = i.Finished(flight.job_id, flight.token, Status.ERROR, values)

        async def tell(scheduler: SchedulerActor) -> None:
            with suppress(Refused, OSError):
                await self.discard(flight)
            self._works.forget(flight)
            await scheduler.ask(report)

        return tell

    async def conclude(self, flight: Flight, outcome: Mapping[str, Any]) -> Conclusion:
        """What is saved of an outcome. Reading it again after a crash comes to the same."""
        refused = outcome.get("refused")
        if refused is not None and refused["kind"] in ("burnt", "system"):
            cause = refused["message"] if refused["kind"] == "system" else None
            await self.discard(flight)
            return partial(_tell_not_started, i.NotStarted(flight.job_id, flight.token, cause))
        _, launch, index = flight.token.split("-")
        work = await self._works.of(flight.job_id, int(launch))
        step = work.steps[int(index)]
        if outcome.get("lost") or outcome.get("stopped") == "machine":
            return partial(self._lost, flight, work, step, outcome)
        if step.has_data:
            result = await to_thread.run_for(work.context.account, self._result_and_rest, work, step, outcome)
        else:
            result = conclude(step, work.spec, outcome, Collected())
        return partial(self._after_step, flight, work, step, result, outcome)

    def _result_and_rest(self, work: Work, step: Step, outcome: Mapping[str, Any]) -> RunResult:
        """What a step came to; when the run is over with it, its folder is tidied up on the same trip."""
        result = self._result_of(work, step, outcome)
        if not work.is_debug and not _goes_on(work, step, result):
            datafolder.finish(work.context)
        return result

    def _result_of(self, work: Work, step: Step, outcome: Mapping[str, Any]) -> RunResult:
        """What a step came to: as it was kept before a crash, if what it was read from may be gone since."""
        kept = kept_result(work.context.folder, work.context.launch, step.index)
        if kept is not None:
            return kept
        collected = Collected()
        if outcome.get("refused") is None:
            failure = ending_of(outcome, step.execution.exit_codes, None).failure
            collected = datafolder.collect(step, work.context, is_last=failure is not None)
        result = conclude(step, work.spec, outcome, collected)
        if not work.is_one_step or work.is_debug:
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
        if _goes_on(work, step, result):
            await scheduler.ask(i.StepEnded(flight.job_id, flight.token))
            return
        if step.index:
            earlier = await to_thread.run_sync(kept_results, folder, launch, step.index)
            result = joined([*earlier, result], _rows_after(work.steps, step))
        if work.is_debug:
            await to_thread.run_for(work.context.account, datafolder.finish_without_output, work.context)
            result = with_stages(result, await to_thread.run_sync(kept_stages, folder, work.steps))
        elif not step.has_data and not datafolder.is_finished(work.context):
            await to_thread.run_for(work.context.account, datafolder.finish, work.context)
        started = outcome.get("refused") is None
        await self._finish(scheduler, flight, work.row, result, outcome, started=started)

    async def _keep_row(self, work: Work, step: Step) -> None:
        """Keep what a row left, before the next one gets a fresh folder."""
        if work.is_debug and step.has_data:
            state = await self._works.state(work, step)
            secrets = secrets_of(work.steps, work.spec, state)
            await to_thread.run_for(work.context.account, keep_stage, OUTPUT, step.row, work.context, secrets)
        elif step.index + 1 < len(work.steps):
            await to_thread.run_for(work.context.account, datafolder.put_aside, step, work.context)

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
        self._works.forget(flight)
        report = _report(flight, result, outcome, started=started)
        await scheduler.ask(report, also=partial(_states_to_save, row, result))

    async def _lost(
        self, flight: Flight, work: Work, step: Step, outcome: Mapping[str, Any], scheduler: SchedulerActor
    ) -> None:
        result = conclude(step, work.spec, outcome, Collected())
        values = values_of(result, outcome)
        report = kill_report_of(outcome)
        if report:
            values["kill_report"] = report
        await self.discard(flight)
        await scheduler.ask(i.Lost(flight.job_id, flight.token, values))


def _goes_on(work: Work, step: Step, result: RunResult) -> bool:
    """Whether another step comes after this one."""
    return result.success and step.index + 1 < len(work.steps)


def _report(flight: Flight, result: RunResult, outcome: Mapping[str, Any], *, started: bool) -> i.Finished:
    now_us = clock.now_us()
    exit_us = clock.seen_us(outcome["exitTime"]) if outcome.get("exitTime") else now_us
    stages = {"output_mapping": exit_us, "cleaning_up": now_us} if started else {}
    return i.Finished(
        flight.job_id,
        flight.token,
        _status(result.verdict),
        values_of(result, outcome),
        stages,
        started,
        class_of(result),
    )


def values_of(result: RunResult, outcome: Mapping[str, Any]) -> dict[str, Any]:
    """The columns that a result is saved in."""
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
    share = share_of((outcome.get("progress") or {}).get("progress"))
    if share is not None:
        values["progress"] = share
    return values


async def _tell_not_started(report: i.NotStarted, scheduler: SchedulerActor) -> None:
    await scheduler.ask(report)


def share_of(value: object) -> float | None:
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


def class_of(result: RunResult) -> FailureClass | None:
    """Of which class a failure is, for whoever may try again."""
    return None if result.failure is None else result.failure.retry_class


def _states_to_save(row: JobRow, result: RunResult, ended: Any) -> Callable[[Transaction], Any] | None:
    """The states of a run that ended well, for the transaction that says so."""
    if not result.states or ended not in (Status.SUCCESS, Status.WARNING):
        return None
    states = dict(result.states)

    def write(tx: Transaction) -> None:
        by = {"uid": row.owner_uid, "user": row.owner_name, "gid": row.owner_gid}
        change = Change(clock.now_us(), by)
        for row_id, body in states.items():
            save_state(tx, config_id(row), row_id, body, change, job_id=row.id)

    return write
