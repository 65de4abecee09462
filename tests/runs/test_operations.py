"""Operations: where they stand in a run, what their results mean, and how often one is repeated."""

import os
from pathlib import Path
from typing import Any

import pytest

from lockside.documents.enums import FailureKind
from locksided.runs.data_folder import OutFile
from locksided.runs.folder import RunFolder
from locksided.runs.operations import BadResult, Operation, OperationPlace, read_result
from locksided.runs.plan import DataFolder, Step, plan
from locksided.runs.result import RunResult, conclude_operation, joined
from locksided.runs.specification import StepKind
from locksided.runs.step_results import repeats_of
from locksided.runs.verdict import Verdict
from runs.examples import component, config, outcome, resolved, row


def operation(name: str, place: OperationPlace, order: Any = lambda spec, row: {"row": row}) -> Operation:
    return Operation(name, name.title(), place, ("/bin/run",), order, "input_mapping", FailureKind.INPUT)


ALL = (
    operation("fetch", OperationPlace.BEFORE_RUN),
    operation("input", OperationPlace.BEFORE_ROW),
    operation("more", OperationPlace.BEFORE_ROW),
    operation("output", OperationPlace.AFTER_RUN),
)


def planned(*operations: Operation, rows: int = 0) -> tuple[Step, ...]:
    result = resolved(stored=config([row(f"r{number}") for number in range(rows)]))
    return plan(result.spec, None, operations)


def test_each_stands_at_its_place_and_the_component_finds_what_the_one_before_it_left() -> None:
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
    ]
    steps = planned(*ALL, rows=2)
    assert [step.index for step in steps] == list(range(8))
    assert [step.ends_run for step in steps] == [False] * 7 + [True]


def test_an_operation_that_a_run_has_no_order_for_is_no_step_of_it() -> None:
    (only,) = planned(operation("input", OperationPlace.BEFORE_ROW, lambda spec, row: None))
    assert (only.kind, only.folder) == (StepKind.COMPONENT, DataFolder.FRESH)


def test_a_run_without_rows_that_are_enabled_has_no_operation_either() -> None:
    result = resolved(stored=config([row("a", disabled=True)]))
    assert plan(result.spec, None, ALL) == ()


@pytest.mark.parametrize(
    "content", [None, b"", b"[]", b'{"message": 5}', b'{"result": []}', b"[" * 1000, b'{"a": NaN}']
)
def test_a_result_that_is_none_says_what_is_wrong_with_it(content: bytes | None) -> None:
    with pytest.raises(BadResult, match=r"result\.json"):
        read_result(content)


def concluded(content: bytes | None, **seen: Any) -> RunResult:
    (step, *_) = planned(*ALL)
    return conclude_operation(step, resolved(of=component()).spec, outcome(**seen), OutFile(content), list)


def test_one_that_is_done_adds_to_the_result_and_says_nothing_of_its_process() -> None:
    done = concluded(b'{"result": {"input": {"tables": [1]}}}')
    assert (done.verdict, dict(done.process), dict(done.metrics)) == (Verdict.SUCCESS, {}, {})
    failed = concluded(b'{"message": "no"}', exitCode=1)
    whole = joined([done, failed])
    assert whole.result["input"] == {"tables": [1], "files": []}
    assert whole.process["exitCode"] == 1


def test_a_success_without_a_result_is_a_fault_of_the_program() -> None:
    failure = concluded(None).failure
    assert failure is not None
    assert (failure.type, failure.kind) == ("application", FailureKind.INPUT)


def test_a_stopped_operation_is_terminated_whatever_it_left() -> None:
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
    ],
)
def test_what_was_started_again_alone_is_told_by_the_claims(
    tmp_path: Path, started: list[str], launch: int, step: int, repeats: int
) -> None:
    folder = RunFolder(str(tmp_path))
    for name in started:
        (tmp_path / "steps" / name).mkdir(parents=True)
        os.symlink("started", tmp_path / "steps" / name / "claim")
    assert repeats_of(folder, launch, step) == repeats
