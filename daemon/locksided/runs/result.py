"""The result of a run, from the keeper's outcome and the job's folder, in the names of the wire. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from lockside.documents.enums import ComponentType, ErrorType, FailureClass, FailureKind, Mode, OnRecordErrors
from locksided.keeper.messages import Outcome
from locksided.runs.data_folder import Collected, OutFile
from locksided.runs.image_run import Image, began
from locksided.runs.job_records import kept_in, list_of, rejected, shown
from locksided.runs.operations import BadResult, OperationResult, read_result
from locksided.runs.out_files import BadOutFile, read_state, read_usage
from locksided.runs.outputs import artifacts_of, output_of, stored_output
from locksided.runs.plan import NOTHING_TO_RUN, Step
from locksided.runs.reports import kill_report_of, process_of
from locksided.runs.specification import Specification
from locksided.runs.step_account import entry, label, side_of
from locksided.runs.verdict import Failure, StepEnding, Verdict, ending_of, failed, operation_ending

Staged: TypeAlias = tuple[Sequence[Mapping[str, Any]], Sequence[Mapping[str, Any]]]
CheckStaged: TypeAlias = Callable[[OperationResult], Staged]

FINISHED = "Component processing finished."
TERMINATED = "It was stopped on request."
LARGEST_COUNT = 2**53 - 1
COUNTS = ("success", "error", "ignored")


@dataclass(frozen=True, slots=True)
class RunResult:
    """The result of a step or of a whole run; all objects are in the form for the store and the wire.

    `summary` is the message on one line. `states` maps rows (None: the root) to the states to save after a
    successful run; it is empty when nothing is saved.
    """

    verdict: Verdict
    message: str
    failure: Failure | None
    result: Mapping[str, Any]
    usage: Sequence[Mapping[str, Any]] = ()
    states: Mapping[str | None, Mapping[str, Any]] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    process: Mapping[str, Any] = field(default_factory=dict)
    kill_report: Mapping[str, Any] = field(default_factory=dict)
    added: Mapping[str, Any] = field(default_factory=dict)
    """Members of `result` that an operation sets for the whole run."""
    commits: Sequence[Mapping[str, Any]] = ()
    """What an operation staged, to be ratified in the transaction that ends a successful run."""
    files: Sequence[Mapping[str, Any]] = ()
    """The files it stored, which are visible after that transaction."""
    summary: str = ""
    records: Sequence[Mapping[str, Any]] = ()
    """Lists of failed records, see `job_records`."""
    chunks: Sequence[str] = ()
    """The names of the chunks that a splitter made."""

    @property
    def success(self) -> bool:
        """Whether the run can continue, or has ended successfully, possibly with warnings."""
        return self.verdict in (Verdict.SUCCESS, Verdict.WARNING)

    @property
    def failure_class(self) -> FailureClass | None:
        """The class of the failure, for retries."""
        return None if self.failure is None else self.failure.retry_class


def conclude(step: Step, spec: Specification, outcome: Outcome, collected: Collected) -> RunResult:
    """Return the result of one step from the keeper's outcome and what was collected from its folder."""
    progress = outcome.progress or {}
    counts = counts_of(progress.get("counts")) or _counted(collected)
    ending = ending_of(outcome, step.execution.exit_codes, spec.limits.timeout_seconds)
    if collected.image is not None and not began(outcome, has_pid=collected.has_pid):
        ending = failed(
            ErrorType.USER, FailureKind.SPAWN, f"It could not be started: {outcome.stderr_tail.strip()}"
        )
    ending, usage, state = _with_out_files(ending, collected)
    if ending.verdict is Verdict.SUCCESS and counts["error"]:
        ending = _judge_records(spec.on_record_errors or OnRecordErrors.SUCCESS, counts)
    folder = kept_in(step)
    is_kept = spec.mode is not Mode.DEBUG
    output = output_of(collected, progress.get("outputs"), folder, _made_by(spec))
    ended_well = ending.verdict in (Verdict.SUCCESS, Verdict.WARNING)
    output = stored_output(output, step.config_file, ended_well=ended_well)
    saves = state is not None and ending.failure is None and _saves_state(spec)
    return _result(
        spec,
        _located(ending, step, outcome),
        counts=counts,
        output=stored_output(output, step.config_file, ended_well=ending.failure is None)
        if is_kept
        else None,
        artifacts=artifacts_of(collected, folder) if is_kept else None,
        records=list_of(step, collected.records) if is_kept else (),
        image=collected.image,
        steps=_steps(step, outcome, ending.verdict),
        usage=usage,
        states={step.row: state} if saves and state is not None else {},
        chunks=collected.chunks,
        process=process_of(outcome),
        kill_report=kill_report_of(outcome),
    )


def _made_by(spec: Specification) -> dict[str, Any]:
    """Return the component of a run, as its outputs name it."""
    kind = ComponentType.OTHER if spec.manifest is None else spec.manifest.type
    return {"component": spec.component, "type": str(kind)}


def conclude_operation(
    step: Step, spec: Specification, outcome: Outcome, left: OutFile, check: CheckStaged
) -> RunResult:
    """Return the result of an operation. A successful one has only what its result.json adds.

    `check` returns the commits and files to ratify, and raises BadResult.
    """
    assert step.operation is not None
    ending = ending_of(outcome, step.execution.exit_codes, spec.limits.timeout_seconds)
    problem, report = left.problem, OperationResult("", {}, [], is_warning=False)
    staged: Staged = ((), ())
    try:
        if problem is None:
            report = read_result(left.content)
            is_good = ending.verdict is Verdict.SUCCESS
            staged = check(report) if is_good and (report.commits or report.files) else staged
    except BadResult as bad:
        problem = str(bad)
    message, counts = report.message, {**dict.fromkeys(COUNTS, 0), "error": count_of(report.failed_records)}
    if ending.verdict is Verdict.SUCCESS and problem is None:
        ending = _judge_records(spec.on_record_errors or OnRecordErrors.SUCCESS, counts)
        if ending.failure is None:
            verdict = Verdict.WARNING if report.is_warning else ending.verdict
            shown = _result(spec, ending, message=message or None, counts=counts)
            done = replace(shown, verdict=verdict, metrics={}, added=report.result)
            more = {"commits": staged[0], "files": staged[1], "records": rejected(step, report)}
            return _with_step(done, step, outcome, **more)
    else:
        ending = operation_ending(step.operation, ending, message, problem)
    located = _located(ending, step, outcome)
    process, killed = process_of(outcome), kill_report_of(outcome)
    return _with_step(_result(spec, located), step, outcome, process=process, kill_report=killed)


def _located(ending: StepEnding, step: Step, outcome: Outcome) -> StepEnding:
    """Return the ending with the place of the step in its failure."""
    failure = ending.failure
    if failure is None:
        return ending
    side = side_of(step, outcome) if failure.kind in (FailureKind.EXIT, FailureKind.SIGNAL) else None
    is_told = step.operation is None or step.operation.is_located
    located = replace(
        failure,
        where=label(step, side, failure.message) if is_told else "",
        step=step.index + 1,
        component=step.component,
        row=step.row,
        side=side,
    )
    return replace(ending, failure=located)


def _with_step(result: RunResult, step: Step, outcome: Outcome, **more: Any) -> RunResult:
    """Return the result of a step with its entry in `steps`, and with `more`."""
    steps = _steps(step, outcome, result.verdict)
    return replace(result, result={**result.result, "steps": steps}, **more)


def _steps(step: Step, outcome: Outcome, verdict: Verdict) -> list[dict[str, Any]]:
    """Return the entry of a step; none for one that was refused."""
    return [] if outcome.refused is not None else [entry(step, outcome, verdict.name.lower())]


def nothing_to_run(spec: Specification) -> RunResult:
    """Return the result of a configuration whose rows are all disabled."""
    return _result(spec, StepEnding(Verdict.SUCCESS), message=NOTHING_TO_RUN)


def with_stages(result: RunResult, stages: Sequence[Mapping[str, Any]]) -> RunResult:
    """Return the result of a debug run with its snapshots."""
    artifacts = {**result.result["artifacts"], "stages": list(stages)}
    return replace(result, result={**result.result, "artifacts": artifacts})


def failed_before_start(
    spec: Specification, kind: FailureKind, message: str, step: Step | None = None
) -> RunResult:
    """Return the result of a run whose next step, if known, cannot be started; the user's fault."""
    ending = failed(ErrorType.USER, kind, message)
    return _result(spec, ending if step is None else _located(ending, step, Outcome()))


def failed_after_all(result: RunResult, spec: Specification, step: Step, message: str) -> RunResult:
    """Return the result of a run that failed although its steps succeeded."""
    bad = failed_before_start(spec, FailureKind.OUTPUT, message, step)
    told = {name: bad.result[name] for name in ("message", "error")}
    return replace(
        result,
        verdict=bad.verdict,
        failure=bad.failure,
        message=bad.message,
        summary=bad.summary,
        result={**result.result, **told},
        states={},
    )


def _result(
    spec: Specification,
    ending: StepEnding,
    *,
    message: str | None = None,
    counts: Mapping[str, int] | None = None,
    output: Mapping[str, Any] | None = None,
    artifacts: Mapping[str, Any] | None = None,
    records: Sequence[Mapping[str, Any]] = (),
    image: Image | None = None,
    steps: Sequence[Mapping[str, Any]] = (),
    **more: Any,
) -> RunResult:
    """Return a result with these members; `more` are other fields of it."""
    text, summary = (message, message) if message else _message(ending, counts or {})
    output = output or {"tables": [], "files": []}
    return RunResult(
        verdict=ending.verdict,
        message=text,
        summary=summary,
        failure=ending.failure,
        records=records,
        result={
            "message": text,
            "configVersion": spec.config_version,
            "images": [] if image is None else [[image.to_wire()]],
            "input": {"tables": [], "files": []},
            "output": output,
            "counts": counts or dict.fromkeys(COUNTS, 0),
            "artifacts": {**(artifacts or {}), **shown(records)},
            "variables": _shown_variables(spec.variables),
            "tasks": [],
            "steps": list(steps),
            "error": None if ending.failure is None else ending.failure.to_wire(),
        },
        metrics={
            "backend": {"size": spec.backend.get("type")},
            "storage": {
                "inputTablesBytesSum": 0,
                "outputTablesBytesSum": sum(count_of(table.get("sizeBytes")) for table in output["tables"]),
            },
        },
        **more,
    )


def _message(ending: StepEnding, counts: Mapping[str, int]) -> tuple[str, str]:
    """Return the message, and its summary on one line."""
    if ending.failure is not None:
        return ending.failure.texts
    match ending.verdict:
        case Verdict.TERMINATED:
            said = TERMINATED if ending.stopped_by is None else f"{ending.stopped_by} had its engine stop it."
        case Verdict.WARNING:
            said = f"{FINISHED} {counts['error']} records failed."
        case _:
            said = FINISHED
    return said, said


def _with_out_files(
    ending: StepEnding, collected: Collected
) -> tuple[StepEnding, list[dict[str, Any]], dict[str, Any] | None]:
    """Read state and usage, the latter even after a failure; an unusable file fails a successful run."""
    usage: list[dict[str, Any]] = []
    state: dict[str, Any] | None = None
    try:
        usage = [] if collected.usage is None else read_usage(collected.usage)
        if ending.verdict is Verdict.SUCCESS and collected.state is not None:
            state = read_state(collected.state)
    except BadOutFile as problem:
        if ending.verdict is Verdict.SUCCESS:
            ending = failed(ErrorType.USER, FailureKind.OUTPUT, str(problem))
    return ending, usage, state


def _judge_records(rule: OnRecordErrors, counts: Mapping[str, int]) -> StepEnding:
    if counts["error"] == 0:
        return StepEnding(Verdict.SUCCESS)
    match rule:
        case OnRecordErrors.SUCCESS:
            return StepEnding(Verdict.SUCCESS)
        case OnRecordErrors.WARNING:
            return StepEnding(Verdict.WARNING)
        case OnRecordErrors.ERROR:
            return failed(ErrorType.USER, FailureKind.OUTPUT, f"{counts['error']} records failed.")


def counts_of(reported: object) -> dict[str, int] | None:
    """Return the reported counts; None if these are not counts."""
    return {name: count_of(reported.get(name)) for name in COUNTS} if isinstance(reported, Mapping) else None


def _counted(collected: Collected) -> dict[str, int]:
    """Return a count of errors equal to the number of lines in the list of failed records."""
    return {**dict.fromkeys(COUNTS, 0), "error": count_of(collected.records.get("lines"))}


def count_of(value: Any) -> int:
    """Return a reported count; 0 if it is not one."""
    is_count = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return min(value, LARGEST_COUNT) if is_count else 0


def _saves_state(spec: Specification) -> bool:
    return spec.config is not None and spec.mode is not Mode.DEBUG and spec.keeps_state


def _shown_variables(variables: Mapping[str, str]) -> dict[str, str]:
    return {name: "[hidden]" if name.startswith("#") else value for name, value in variables.items()}


def share_of(value: object) -> float | None:
    """Return a job's own progress, if it is a number from 0 to 1."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        return None
    return float(value)
