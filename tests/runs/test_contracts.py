"""Runs and their neighbours: requests as the wire reads them, messages as the keeper reads them."""

import msgspec

from lockside.documents.component import Manifest
from lockside.documents.runtime import Limits
from lockside.protocol.methods.actions import ActionRun
from lockside.protocol.methods.jobs import JobCreate
from lockside.protocol.types.jobs import Result
from locksided.keeper.messages import to_wire
from locksided.keeper.outcome import blank
from locksided.keeper.start import order
from locksided.runs.action import action_order, plan_action
from locksided.runs.data_folder import Collected
from locksided.runs.resolve import resolve
from locksided.runs.resolved import Found, Stored
from locksided.runs.result import conclude
from locksided.runs.start_order import start_order
from runs.examples import DEFAULTS, command, component, config, context, outcome, read, resolved, row, steps


def test_a_request_with_every_default_of_the_wire_is_resolved() -> None:
    body = {"id": "ex.table", "command": ["run"], "limits": {"memoryBytes": "1GB"}}
    request = read(
        JobCreate,
        {
            "component": "ex.table",
            "configData": {"parameters": {"a": "{{ b }}"}},
            "limits": {"timeoutSeconds": "00:01:00"},
            "backend": {},
            "variableValuesData": {"values": [{"name": "b", "value": 2}]},
            "retry": {"maxAttempts": 2},
        },
    )
    result = resolve(request, Found(Stored("ex.table", 1, read(Manifest, body))), DEFAULTS)
    assert result.spec.limits == Limits(timeout_seconds=60.0, memory_bytes=1_000_000_000)
    assert (result.spec.backend, result.spec.variables) == ({}, {"b": "2"})
    assert result.spec.retry is not None


def test_the_keeper_reads_every_start_order() -> None:
    job = context("/state")
    for result in (
        resolved(stored=config([row("a"), row("b")]), of=component(leftovers="wait", stopSignal="SIGINT")),
        command(shell="exit 3"),
        command(pipeline=[["a"], ["b"]], environment={"A": "1"}, cwd="/"),
    ):
        for step in steps(result):
            parsed = order.parse(to_wire(start_order(step, result.spec, job)))
            assert parsed.token == f"12-1-{step.index}"
            assert len(parsed.stages) == len(step.execution.stages)
    action = plan_action(read(ActionRun, {"component": "ex.table", "action": "x"}), component())
    assert order.parse(to_wire(action_order(action, job, "action-1"))).timeout_seconds == 30


def test_a_lost_run_is_not_a_success() -> None:
    result = resolved()
    lost = conclude(steps(result)[0], result.spec, blank("12-1-0")._replace(lost=True), Collected())
    assert not lost.success


def test_a_result_has_the_form_that_the_wire_declares() -> None:
    result = resolved(stored=config())
    shown = conclude(steps(result)[0], result.spec, outcome(exitCode=1), Collected()).result
    read = msgspec.convert(shown, Result)
    assert read.error is not None
    assert read.error.message == "exit code 1, no output"
    of_other_jobs = {"chunks"}
    assert {*shown, *of_other_jobs} == msgspec.to_builtins(Result()).keys()
