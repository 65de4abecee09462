"""The runner against its neighbours: requests as the wire reads them, messages as the keeper reads them."""

from typing import Any

import msgspec

from lockside.protocol.params.jobs import JobCreate
from lockside.protocol.types.results import Result
from lockside.protocol.types.stored import Manifest
from locksided.keeper import order
from locksided.keeper.outcome import blank
from locksided.runner.action import action_message, plan_action
from locksided.runner.datafolder import Collected
from locksided.runner.manifest import check_component
from locksided.runner.resolve import resolve
from locksided.runner.resolved import Found, Stored
from locksided.runner.result import conclude
from locksided.runner.start import start_message
from runner.examples import DEFAULTS, command, component, config, context, outcome, resolved, row, steps


def wire(kind: type[Any], values: dict[str, Any]) -> dict[str, Any]:
    """What a handler has after strict reading."""
    read: dict[str, Any] = msgspec.to_builtins(msgspec.convert(values, kind))
    return read


def test_a_request_with_every_default_of_the_wire_is_resolved() -> None:
    body = wire(Manifest, {"id": "ex.table", "command": ["run"], "limits": {"memoryBytes": "1GB"}})
    check_component(body)
    request = wire(
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
    result = resolve(request, Found(Stored("ex.table", 1, body)), DEFAULTS)
    assert result.runtime.limits.to_wire() == {
        "timeoutSeconds": 60.0,
        "memoryBytes": 2**30,
        "cpus": None,
        "nodes": None,
    }
    assert (result.runtime.backend, result.spec["variables"]) == ({}, {"b": "2"})
    assert result.runtime.retry is not None


def test_the_keeper_reads_every_start_message() -> None:
    job = context("/state")
    for result in (
        resolved(stored=config([row("a"), row("b")]), of=component(leftovers="wait", stopSignal="SIGINT")),
        command(shell="exit 3"),
        command(pipeline=[["a"], ["b"]], environment={"A": "1"}, cwd="/"),
    ):
        for step in steps(result):
            read = order.parse(start_message(step, result.spec, job))
            assert read.token == f"12-1-{step.index}"
            assert len(read.stages) == len(step.execution.program.stages)
    action = plan_action({"component": "ex.table", "action": "x"}, component())
    assert order.parse(action_message(action, job, "action-1")).timeout_seconds == 30


def test_an_outcome_has_the_keepers_fields() -> None:
    assert outcome().keys() == blank("12-1-0").keys()
    result = resolved()
    lost = conclude(steps(result)[0], result.spec, {**blank("12-1-0"), "lost": True}, Collected())
    assert not lost.success


def test_a_result_is_what_the_wire_calls_one() -> None:
    result = resolved(stored=config())
    shown = conclude(steps(result)[0], result.spec, outcome(exitCode=1), Collected()).result
    read = msgspec.convert(shown, Result)
    assert read.error is not None
    assert read.error.message == "No error message."
    assert shown.keys() == msgspec.to_builtins(Result()).keys()
