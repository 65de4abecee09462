"""Operations: their place in a run, what their results mean, and how often one is repeated."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lockside.documents.enums import FailureKind
from locksided.runs.data_folder import Collected, OutFile
from locksided.runs.folder import RunFolder
from locksided.runs.operations import BadResult, Operation, OperationPlace, read_result
from locksided.runs.plan import DataFolder, Step, plan
from locksided.runs.result import RunResult, conclude, conclude_operation
from locksided.runs.sequence import joined, next_step
from locksided.runs.specification import StepKind
from locksided.runs.step_results import keep_result, kept_results, repeats_of
from locksided.runs.verdict import Verdict
from runs.examples import component, config, outcome, resolved, row


def operation(name: str, place: OperationPlace, order: Any = lambda spec, row: {"row": row}) -> Operation:
    return Operation(name, name.title(), place, ("/bin/run",), order, "input_mapping", FailureKind.INPUT)


ALL = (
    operation("fetch", OperationPlace.BEFORE_RUN),
    operation("input", OperationPlace.BEFORE_ROW),
    operation("more", OperationPlace.BEFORE_ROW),
    operation("output", OperationPlace.AFTER_RUN),
    operation("rescue", OperationPlace.AFTER_FAILURE),
)


def planned(*operations: Operation, rows: int = 0) -> tuple[Step, ...]:
    result = resolved(stored=config([row(f"r{number}") for number in range(rows)]))
    return plan(result.spec, None, operations)


def test_operations_are_in_their_places_and_the_component_finds_the_result_before_it() -> None:
    found = [
        (step.operation and step.operation.name, step.row, step.folder) for step in planned(*ALL, rows=2)
    ]
    of_rows = [
        line
        for name in ("r0", "r1")
        for line in (
            ("input", name, DataFolder.FRESH),
            ("more", name, DataFolder.AS_LEFT),
            (None, name, DataFolder.AS_LEFT),
        )
    ]
    assert found == [
        ("fetch", None, DataFolder.NONE),
        *of_rows,
        ("output", None, DataFolder.NONE),
        ("rescue", None, DataFolder.NONE),
    ]
    steps = planned(*ALL, rows=2)
    assert [step.index for step in steps] == list(range(9))
    assert [step.ends_run for step in steps] == [False] * 7 + [True, False]
    assert {step.total for step in steps} == {8}


def test_an_operation_without_an_order_is_not_a_step_of_the_run() -> None:
    (only,) = planned(operation("input", OperationPlace.BEFORE_ROW, lambda spec, row: None))
    assert (only.kind, only.folder) == (StepKind.COMPONENT, DataFolder.FRESH)


def test_a_run_without_enabled_rows_has_no_operation() -> None:
    result = resolved(stored=config([row("a", disabled=True)]))
    assert plan(result.spec, None, ALL) == ()


def ended(step: Step, **seen: Any) -> RunResult:
    spec, left = resolved(of=component()).spec, OutFile(b"{}")
    if step.operation is not None:
        return conclude_operation(step, spec, outcome(**seen), left, list)
    return conclude(step, spec, outcome(**seen), Collected())


def after(number: int, **seen: Any) -> int | None:
    """Return the step after this step of a run of two rows, if it ends so and all earlier ones succeeded."""
    steps = planned(*ALL, rows=2)
    results = [*(ended(step, exitCode=0) for step in steps[:number]), ended(steps[number], **seen)]
    found = next_step(steps, steps[number], resolved(of=component()).spec, "default", results)
    return None if found is None else found.step


def test_a_failed_run_continues_with_the_failure_operation_once_a_component_has_run() -> None:
    fetch, more, component_of_r0, input_of_r1, output, rescue = 0, 2, 3, 4, 7, 8
    assert after(component_of_r0, exitCode=0) == input_of_r1
    assert after(fetch, exitCode=1) is after(more, exitCode=1) is None
    assert after(component_of_r0, exitCode=1) == after(input_of_r1, exitCode=2) == rescue
    assert after(component_of_r0, stopped="timeout") == rescue
    assert (after(output, exitCode=1), after(output, exitCode=0)) == (rescue, None)


@pytest.mark.parametrize("seen", [{"stopped": "terminate"}, {"lost": True}, {"unreadable": "cut off"}])
def test_a_terminated_or_lost_run_does_not_continue(seen: dict[str, Any]) -> None:
    assert after(3, **seen) is None


def test_a_run_that_continued_after_a_failure_reports_it_and_any_later_one() -> None:
    steps = planned(*ALL, rows=2)
    failed, good, bad = ended(steps[3], exitCode=2), ended(steps[8], exitCode=0), ended(steps[8], exitCode=3)
    stored = replace(good, commits=[{"key": "t"}], added={"output": {"tables": [{"path": "None"}]}})
    whole = joined([failed, stored], ["r1"])
    assert (whole.verdict, whole.failure, list(whole.commits)) == (
        Verdict.ERROR,
        failed.failure,
        [{"key": "t"}],
    )
    assert whole.process["exitCode"] == 2
    assert joined([failed, bad]).message == f"{failed.message}\n{bad.message}"
    assert not joined([replace(stored), failed]).commits


def test_skipped_steps_are_not_looked_up_in_an_earlier_run(tmp_path: Path) -> None:
    folder, steps = RunFolder(str(tmp_path)), planned(*ALL, rows=2)
    for launch, step, code in ((1, 0, 0), (1, 1, 0), (1, 2, 0), (2, 0, 0), (3, 1, 1)):
        keep_result(folder, launch, step, ended(steps[step], exitCode=code))
    assert [one.success for one in kept_results(folder, 3, 8)] == [True, False]
    with pytest.raises(FileNotFoundError):
        kept_results(folder, 1, 8)


@pytest.mark.parametrize(
    "content", [None, b"", b"[]", b'{"message": 5}', b'{"result": []}', b"[" * 1000, b'{"a": NaN}']
)
def test_an_invalid_result_says_what_is_wrong_with_it(content: bytes | None) -> None:
    with pytest.raises(BadResult, match=r"result\.json"):
        read_result(content)


def concluded(content: bytes | None, **seen: Any) -> RunResult:
    (step, *_) = planned(*ALL)
    return conclude_operation(step, resolved(of=component()).spec, outcome(**seen), OutFile(content), list)


def test_a_successful_operation_adds_to_the_result_but_not_its_process() -> None:
    done = concluded(b'{"result": {"input": {"tables": [1]}}}')
    assert (done.verdict, dict(done.process), dict(done.metrics)) == (Verdict.SUCCESS, {}, {})
    failed = concluded(b'{"message": "no"}', exitCode=1)
    whole = joined([done, failed])
    assert whole.result["input"] == {"tables": [1], "files": []}
    assert whole.process["exitCode"] == 1


def test_a_success_without_a_result_is_an_application_error() -> None:
    failure = concluded(None).failure
    assert failure is not None
    assert (failure.type, failure.kind) == ("application", FailureKind.INPUT)


def test_a_stopped_operation_is_terminated_whatever_result_it_left() -> None:
    assert concluded(None, stopped="terminate", exitCode=1).verdict is Verdict.TERMINATED


@pytest.mark.parametrize(
    ("started", "launch", "step", "repeats"),
    [
        (["1-0", "1-1"], 1, 1, 0),
        (["1-0", "1-1", "2-1"], 2, 1, 1),
        (["1-0", "1-1", "2-1", "3-1"], 3, 1, 2),
        (["1-0", "1-1", "2-0", "2-1"], 2, 1, 0),
        (["1-0", "1-1", "2-0", "2-1", "3-1"], 3, 1, 1),
        (["1-0", "1-1", "2-1", "2-2"], 2, 2, 0),
        (["1-0", "2-0", "3-0"], 3, 0, 2),
        (["1-0", "1-1", "1-3", "2-0", "2-3"], 2, 3, 0),
        (["1-0", "1-3", "2-3", "3-3"], 3, 3, 2),
    ],
)
def test_operations_restarted_alone_are_recognised_by_their_claims(
    tmp_path: Path, started: list[str], launch: int, step: int, repeats: int
) -> None:
    folder = RunFolder(str(tmp_path))
    for name in started:
        (tmp_path / "steps" / name).mkdir(parents=True)
        os.symlink("started", tmp_path / "steps" / name / "claim")
    assert repeats_of(folder, launch, step) == repeats
