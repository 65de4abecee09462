"""Orchestrations as configured: the order of phases, what tasks request, what is refused."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockside.documents.configuration import content_of
from lockside.documents.enums import Mode, TaskAction
from lockside.documents.request import JobRequest
from lockside.documents.runtime import Behavior, Runtime
from locksided.core.errors import Invalid, NotFound
from locksided.runs.orchestration import RunPhase, RunTask, as_seen_above, read_orchestration
from locksided.runs.resolved import Root
from locksided.runs.runtime_values import Level, passed_on
from locksided.runs.specification import JoblessTask
from locksided.runs.task_selection import decide
from runs.examples import read as read_document
from runs.examples import resolved


def phase(phase_id: Any, *before: Any, **more: Any) -> dict[str, Any]:
    return {"id": phase_id, "dependsOn": list(before), **more}


def task(task_id: Any, in_phase: Any, *, of: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {"id": task_id, "phase": in_phase, "task": {"component": "ex.table", **(of or {})}, **more}


def read(phases: list[Any], tasks: list[Any] | None = None) -> tuple[RunPhase, ...]:
    content = content_of({"phases": phases, "tasks": tasks or []}, "configuration")
    return read_orchestration(Root("$.configuration", {}, content))


def request(one: RunTask) -> JobRequest:
    return one.request(resolved({"component": "lockside.orchestrator", "configData": {"parameters": {}}}))


def refused(phases: list[Any], tasks: list[Any] | None = None) -> Invalid:
    with pytest.raises(Invalid) as caught:
        read(phases, tasks)
    return caught.value


def test_phases_follow_their_dependencies_and_otherwise_keep_their_order() -> None:
    phases = read(
        [phase("load", "clean", "extract"), phase("extract"), phase("clean", "extract"), phase("z")]
    )
    assert [one.id for one in phases] == ["extract", "z", "clean", "load"]
    assert [one.after for one in phases] == [(), (), (0,), (0, 2)]


def test_tasks_keep_their_order_within_their_phase() -> None:
    (one, two) = read([phase("1"), phase("2")], [task("a", "2"), task("b", "1"), task("c", "2")])
    assert ([t.id for t in one.tasks], [t.id for t in two.tasks]) == (["b"], ["a", "c"])


def test_files_of_other_systems_are_read_unchanged() -> None:
    foreign = {"componentId": "ex.table", "configId": "daily", "behavior": [], "mode": "run"}
    (only,) = read([phase(7, name="Load")], [{"id": 3, "phase": 7, "task": foreign, "backend": []}])
    (one,) = only.tasks
    assert (only.id, only.name, one.id) == ("7", "Load", "3")
    asked = request(one)
    assert (asked.component, asked.config, asked.mode, asked.behavior) == (
        "ex.table",
        "daily",
        Mode.RUN,
        Behavior(on_error=None),
    )


@pytest.mark.parametrize(
    ("more", "of", "on_error"),
    [
        ({}, {}, None),
        ({"continueOnFailure": False}, {}, None),
        ({"continueOnFailure": True}, {}, "warning"),
        ({}, {"behavior": {"onError": "stop"}}, "stop"),
        ({"continueOnFailure": True}, {"behavior": {"onError": "stop"}}, "stop"),
    ],
)
def test_continue_on_failure_is_a_warning_unless_the_task_says_otherwise(
    more: dict[str, Any], of: dict[str, Any], on_error: str | None
) -> None:
    (only,) = read([phase("p")], [task("a", "p", of=of, **more)])
    behavior = request(only.tasks[0]).behavior
    assert behavior is not None
    assert behavior.on_error == on_error


def test_texts_for_priority_and_delay_are_read() -> None:
    (only,) = read([phase("p")], [task("a", "p", of={"priority": "high", "delay": "00:01:30"})])
    assert (only.tasks[0].asked.priority, only.tasks[0].delay_us) == (50, 90_000_000)


@pytest.mark.parametrize(
    ("phases", "tasks", "path"),
    [
        ([phase("a"), phase("a")], [], "phases[1].id"),
        ([phase("a", "b")], [], "phases[0].dependsOn[0]"),
        ([phase("a", "a")], [], "phases[0].dependsOn"),
        ([phase("a"), phase("b", "c"), phase("c", "b")], [], "phases[1].dependsOn"),
        ([phase("a")], [task("t", "b")], "tasks[0].phase"),
        ([phase("a")], [task("t", "a"), task("t", "a")], "tasks[1].id"),
    ],
)
def test_phases_that_cannot_be_ordered_are_refused_with_their_path(
    phases: list[Any], tasks: list[Any], path: str
) -> None:
    assert (refused(phases, tasks).path or "").startswith(f"$.configuration.{path}")


def test_a_cycle_of_phases_is_named() -> None:
    error = refused([phase("a", "c"), phase("b", "a"), phase("c", "b")])
    circle = error.message.rpartition(": ")[2].rstrip(".").split(" -> ")
    assert circle[0] == circle[-1]
    waits_for = {"a": "c", "b": "a", "c": "b"}
    assert all(waits_for[one] == other for one, other in pairwise(circle))


@given(st.permutations(range(8)), st.sets(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=20))
def test_every_acyclic_order_is_found(order: list[int], edges: set[tuple[int, int]]) -> None:
    before: dict[int, set[int]] = {}
    for one, other in edges:
        if one < other:
            before.setdefault(other, set()).add(one)
    phases = read([phase(str(one), *map(str, sorted(before.get(one, ())))) for one in order])
    assert sorted(one.id for one in phases) == sorted(map(str, range(8)))
    for place, one in enumerate(phases):
        assert all(earlier < place for earlier in one.after)
        assert {phases[earlier].id for earlier in one.after} == {str(b) for b in before.get(int(one.id), ())}


def test_an_orchestration_passes_down_only_the_runtime_values() -> None:
    request = read_document(
        JobRequest,
        {
            "component": "lockside.orchestrator",
            "pool": "night",
            "lock": "none",
            "mode": "debug",
            "priority": 5,
        },
    )
    levels = (Level(request, "$"), Level(Runtime(tag="2"), "$.configuration.runtime"))
    assert [level.values for level in passed_on(levels)] == [Runtime(pool="night"), Runtime(tag="2")]


def test_a_refusal_of_a_task_has_the_full_path() -> None:
    seen = as_seen_above(Invalid("$.retry.on: no", path="$.retry.on"), "$.configuration.tasks[2].task")
    path = "$.configuration.tasks[2].task.retry.on"
    assert (seen.path, seen.message) == (path, f"{path}: no")


def test_a_refusal_of_a_value_passed_down_names_the_orchestration() -> None:
    (level,) = passed_on((Level(Runtime(tag="9"), "$"),))
    seen = as_seen_above(NotFound("no such tag", path=f"{level.path}.tag"), "$.configuration.tasks[2].task")
    assert seen.path == "$.tag"


# -- which tasks run --------------------------------------------------------------------------------------

THREE = [task("a", "p"), task("b", "p", enabled=False), task("c", "q")]


def actions(selected: list[str] | None = None, succeeded: dict[str, str] | None = None) -> dict[str, str]:
    decided = decide(read([phase("p"), phase("q", "p")], THREE), selected, succeeded)
    assert all(one.reason.endswith(".") for some in decided for one in some)
    return {one.task.id: one.action.value for some in decided for one in some}


def test_enabled_tasks_run_and_disabled_ones_are_skipped() -> None:
    assert actions() == {"a": "run", "b": "skip", "c": "run"}


def test_selected_tasks_run_disabled_or_not_and_no_others() -> None:
    assert actions(["b"]) == {"a": "skip", "b": "run", "c": "skip"}
    assert actions([]) == {"a": "skip", "b": "skip", "c": "skip"}


def test_tasks_that_succeeded_last_time_are_carried_over() -> None:
    assert actions(None, {"a": "17", "b": "18"}) == {"a": "carry", "b": "skip", "c": "run"}
    assert actions(["c"], {"a": "17", "c": "19"}) == {"a": "carry", "b": "skip", "c": "run"}


def test_a_carried_task_names_its_job() -> None:
    ((first, second), _) = decide(read([phase("p"), phase("q")], THREE), None, {"a": "17"})
    assert first.as_result() == JoblessTask(id="a", action=TaskAction.CARRY, job="17")
    assert second.as_result() == JoblessTask(id="b", action=TaskAction.SKIP)
    assert first.action is TaskAction.CARRY


def test_an_unknown_task_is_not_found() -> None:
    with pytest.raises(NotFound) as caught:
        actions(["a", "nobody"])
    assert caught.value.path == "$.onlyOrchestrationTaskIds[1]"
