"""Runs of several steps: which step follows one that has ended, and the result of them all. Pure.

After a failed step only the steps meant for that case run: if a component has run, and the run was not
terminated or lost.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from lockside.documents.enums import FailureKind
from locksided.runs.job_records import merged, shown
from locksided.runs.outputs import with_stored
from locksided.runs.plan import Step
from locksided.runs.result import COUNTS, RunResult, count_of
from locksided.runs.specification import Specification, StepKind
from locksided.runs.step_account import summed
from locksided.runs.verdict import Verdict


class NextStep(NamedTuple):
    """A step by its index, and the paths of the tables that it writes."""

    step: int
    tables: Sequence[str] = ()


def next_step(
    steps: Sequence[Step], ended: Step, spec: Specification, project: str, results: Sequence[RunResult]
) -> NextStep | None:
    """Return the step after one that has ended, given all results so far; None when the run is over."""
    failed = [one for one in results if not one.success]
    if failed and not (_has_component(results) and all(map(_may_go_on, failed))):
        return None
    for step in steps[ended.index + 1 :]:
        if step.is_after_failure is bool(failed):
            claims = None if step.operation is None else step.operation.claims
            tables = () if claims is None else claims(spec, project, [one.result for one in results])
            if tables is not None:
                return NextStep(step.index, tables)
    return None


def _has_component(results: Sequence[RunResult]) -> bool:
    """Return whether a component, or a command, was started."""
    steps = (step for one in results for step in one.result.get("steps", ()))
    return any(step["kind"] in (StepKind.COMPONENT.value, StepKind.COMMAND.value) for step in steps)


def _may_go_on(failed: RunResult) -> bool:
    is_lost = failed.failure is not None and failed.failure.kind is FailureKind.LOST
    return failed.verdict is Verdict.ERROR and not is_lost


def joined(results: Sequence[RunResult], not_run: Sequence[str] = ()) -> RunResult:
    """Return the result of a run of several steps: the last step's, with what the others produced.

    `not_run` names the rows after a failed one. States of a failed run are not saved. Steps that ran after a
    failed one add their tables, and their own failures.
    """
    ended = next((place for place, one in enumerate(results) if not one.success), len(results) - 1)
    last, after = results[ended], results[ended + 1 :]
    added = _added(results)
    output = _output(results, _object(added.pop("output", {})))
    message, summary = _told(results, last, after, not_run)
    steps = [step for one in results for step in one.result.get("steps", ())]
    records = merged(one_list for one in results for one_list in one.records)
    process = _last(one.process for one in results[: ended + 1])
    is_warning = last.success and any(one.verdict is Verdict.WARNING for one in results)
    return replace(
        last,
        verdict=Verdict.WARNING if is_warning else last.verdict,
        message=message,
        summary=summary,
        records=records,
        chunks=[name for one in results for name in one.chunks],
        result={
            **last.result,
            "message": message,
            "counts": {name: count_of(sum(one.result["counts"][name] for one in results)) for name in COUNTS},
            "images": [images for one in results for images in one.result["images"]],
            "output": output,
            "artifacts": _artifacts(results, _object(added.pop("artifacts", {})), shown(records)),
            "steps": steps,
            **added,
        },
        process={**process, **summed([step["usage"] for step in steps])} if process else {},
        metrics=_with_sums(_last(one.metrics for one in results), added.get("input", {}), output),
        commits=[commit for one in (results if last.success else after) for commit in one.commits],
        files=[file for one in results for file in one.files] if last.success else [],
        usage=[metric for one in results for metric in one.usage],
        states={row: state for one in results for row, state in one.states.items()} if last.success else {},
    )


def _output(results: Sequence[RunResult], stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return the output of all steps, with the results of storing it."""
    output: dict[str, Any] = {
        kind: with_stored([item for one in results for item in one.result["output"][kind]], stored.get(kind))
        for kind in ("tables", "files")
    }
    omitted = sum(one.result["output"].get("omitted", 0) for one in results)
    return output | ({"omitted": omitted} if omitted else {})


def _artifacts(results: Sequence[RunResult], *others: Mapping[str, Any]) -> dict[str, Any]:
    files = [item for one in results for item in one.result["artifacts"].get("files", ())]
    artifacts: dict[str, Any] = {"files": files} if files else {}
    for other in others:
        artifacts |= other
    return artifacts


def _told(
    results: Sequence[RunResult], last: RunResult, after: Sequence[RunResult], not_run: Sequence[str]
) -> tuple[str, str]:
    """Return the message of a run and its summary: if it succeeded, that of the first warning."""
    telling = next((one for one in results if one.verdict is Verdict.WARNING), last) if last.success else last
    message, summary = telling.message, telling.summary
    for one in after:
        if one.verdict is not Verdict.SUCCESS:
            message, summary = f"{message}\n{one.message}", f"{summary.rstrip('.')}. {one.summary}"
    if not_run:
        named = f"Rows that did not run: {', '.join(not_run)}."
        message, summary = f"{message}\n{named}", f"{summary.rstrip('.')}. {named}"
    return message, summary


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _with_sums(
    metrics: Mapping[str, Any], read: Mapping[str, Any], output: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Return metrics with the bytes of all tables that were read and written."""
    sums = {
        name: sum(count_of(table.get("sizeBytes")) for table in tables if isinstance(table, Mapping))
        for name, tables in (
            ("inputTablesBytesSum", read.get("tables", ())),
            ("outputTablesBytesSum", output["tables"]),
        )
    }
    return {**metrics, "storage": sums} if metrics else metrics


def _added(results: Sequence[RunResult]) -> dict[str, Any]:
    """Return the additions of operations; what several of them read is one list."""
    added = {name: value for one in results for name, value in one.added.items()}
    read = [one.added["input"] for one in results if "input" in one.added]
    if read:
        added["input"] = {
            kind: [item for one in read for item in one.get(kind, ())] for kind in ("tables", "files")
        }
    return added


def _last(values: Iterable[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Return the last value that is not empty: a finished operation has none."""
    said = [value for value in values if value]
    return said[-1] if said else {}
