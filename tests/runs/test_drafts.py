"""The trees of drafts that requests become: parallel rows, attempts, phases with their tasks."""

from typing import Any

import pytest

from lockside.documents.enums import Backoff, FailureClass, JobType, OnError
from locksided.core.errors import Limit
from locksided.core.model import Draft
from locksided.runs.canonical import thaw
from locksided.runs.draft_tree import (
    Inside,
    Maker,
    Owner,
    TreePosition,
    check_phases,
    orchestration_tree,
    tree_size,
    work_tree,
)
from locksided.runs.orchestration import read_orchestration
from locksided.runs.resolved import Resolved
from locksided.runs.task_selection import decide
from runs.examples import component, config, resolved, row

PLACE = TreePosition(
    Owner("default", 1000, 100, "ada"), Maker("user", "ada"), 7, is_child=False, max_children=5
)
RETRY = {"maxAttempts": 3, "delaySeconds": 1.5, "on": ["timeout"]}


def rows(count: int) -> Any:
    return config([row(f"r{number}", parameters={"n": number}) for number in range(count)])


def tree(request: dict[str, Any] | None = None, *, place: TreePosition = PLACE, **more: Any) -> Draft:
    return work_tree(resolved(request, **more), place)


def spec(draft: Draft) -> dict[str, Any]:
    document: dict[str, Any] = thaw(dict(draft.blobs)[draft.values["spec_hash"]])
    return document


def test_one_job_is_one_draft_with_its_lock_pool_and_priority() -> None:
    one = tree({"behavior": {"onError": "stop"}, "pool": "night"}, stored=config())
    assert (one.type, one.children, one.retry) == (JobType.STANDARD, (), None)
    assert (one.lock_key, one.pool, one.priority) == ("c:default/ex.table/flights", "night", 7)
    assert (one.on_error, one.values["creator_type"]) == (OnError.STOP, "user")


def test_two_rows_with_parallelism_are_children_without_a_lock() -> None:
    made = tree({"parallelism": "2", "pool": "night"}, stored=rows(3))
    assert (made.type, made.parallelism) == (JobType.CONTAINER, 2)
    assert made.lock_key == "c:default/ex.table/flights"
    assert [child.values["name"] for child in made.children] == [f"ex.table/flights#r{n}" for n in range(3)]
    for child in made.children:
        assert (child.type, child.lock_key, child.pool, child.priority) == (
            JobType.STANDARD,
            None,
            "night",
            7,
        )
    assert [spec(child)["configRowIds"] for child in made.children] == [["r0"], ["r1"], ["r2"]]
    assert [child.values["creator_id"] for child in made.children] == ["r0", "r1", "r2"]


def test_a_parallelism_of_infinity_is_no_limit() -> None:
    made = tree({"parallelism": "infinity"}, stored=rows(2))
    assert (made.type, made.parallelism, len(made.children)) == (JobType.CONTAINER, None, 2)


@pytest.mark.parametrize("request_", [{"parallelism": 0}, {}, {"parallelism": 4, "configRowIds": ["r1"]}])
def test_without_parallelism_or_with_one_row_it_is_one_job(request_: dict[str, Any]) -> None:
    assert tree(request_, stored=rows(3)).type is JobType.STANDARD


def test_members_that_a_container_shares_with_its_rows_are_stored_once() -> None:
    made = tree({"parallelism": 2}, stored=rows(3))
    assert (spec(made)["rows"], spec(made)["configuration"], spec(made)["parallelism"]) == (None, None, 2)
    assert [one["id"] for one in spec(made.children[1])["rows"]] == ["r1"]


def test_on_error_applies_to_the_rows_of_a_root_container_but_to_a_task_as_a_whole() -> None:
    request = {"parallelism": 2, "behavior": {"onError": "stop"}}
    assert [child.on_error for child in tree(request, stored=rows(2)).children] == [OnError.STOP] * 2
    inside = tree(request, stored=rows(2), place=PLACE._replace(is_child=True))
    assert inside.on_error is OnError.STOP
    assert [child.on_error for child in inside.children] == [None, None]


def test_a_retried_job_is_an_attempt_in_a_container_that_keeps_the_lock() -> None:
    made = tree({"retry": RETRY, "behavior": {"onError": "warning"}}, stored=config())
    assert (made.type, made.lock_key, made.on_error) == (
        JobType.RETRY,
        "c:default/ex.table/flights",
        OnError.WARNING,
    )
    (attempt,) = made.children
    assert (attempt.type, attempt.lock_key, attempt.on_error) == (JobType.STANDARD, None, None)
    assert attempt.values["creator_type"] == "retry"
    policy = made.retry
    assert policy is not None
    assert (policy.max_attempts, policy.delay_us, policy.backoff) == (3, 1_500_000, Backoff.FIXED)
    assert policy.on == {FailureClass.TIMEOUT}


def test_an_attempt_takes_the_lock_itself_when_it_is_released_between_attempts() -> None:
    made = tree({"retry": {**RETRY, "releaseLock": True}, "lock": "shared:3"}, stored=config())
    (attempt,) = made.children
    assert (made.lock_key, made.lock_share) == (None, 0)
    assert (attempt.lock_key, attempt.lock_share) == ("c:default/ex.table/flights", 3)


def test_one_attempt_makes_no_retry_container() -> None:
    assert tree({"retry": {"maxAttempts": 1}}, stored=config()).type is JobType.STANDARD


def test_the_retry_policy_can_be_set_on_the_component() -> None:
    assert tree(of=component(retry=RETRY), stored=config()).type is JobType.RETRY


def test_each_row_is_retried_separately() -> None:
    made = tree({"parallelism": 2, "retry": {**RETRY, "releaseLock": True}}, stored=rows(2))
    assert (made.type, made.retry, tree_size(made)) == (JobType.CONTAINER, None, 5)
    for child in made.children:
        assert (child.type, child.lock_key, child.children[0].lock_key) == (JobType.RETRY, None, None)


def test_more_children_than_allowed_are_refused() -> None:
    with pytest.raises(Limit):
        tree({"parallelism": 2}, stored=rows(6))


# -- orchestrations ---------------------------------------------------------------------------------------

PHASES = [
    {"id": "extract", "name": "Get it"},
    {"id": "load", "dependsOn": ["extract"], "behavior": {"onError": "warning"}},
]
TASKS = [
    {"id": "a", "phase": "extract", "task": {"component": "ex.table"}},
    {"id": "b", "phase": "extract", "enabled": False, "task": {"component": "ex.table"}},
]


def orchestration(**root: Any) -> Resolved:
    stored = config(of="lockside.orchestrator", phases=PHASES, tasks=TASKS, **root)
    return resolved({"component": "lockside.orchestrator"}, stored=stored)


def test_an_orchestration_contains_phases_that_contain_tasks() -> None:
    meant = orchestration()
    first, second = read_orchestration(meant.root)
    task = tree(stored=config())
    ((_, jobless), _) = decide((first, second), None, None)
    made = orchestration_tree(meant, PLACE, [Inside(first, (task,), (jobless,)), Inside(second)])
    assert (made.type, made.lock_key) == (JobType.ORCHESTRATION, "c:default/lockside.orchestrator/flights")
    extract, load = made.children
    assert (extract.type, extract.lock_key, extract.after) == (JobType.PHASE, None, ())
    assert (load.after, load.on_error, load.children) == ((0,), OnError.WARNING, ())
    assert [one.values["name"] for one in made.children] == ["Get it", "load"]
    assert spec(extract)["tasks"] == [{"id": "b", "action": "skip", "job": None}]
    assert spec(load)["tasks"] == []
    assert extract.children == (task,)
    assert spec(load)["behavior"] == {"onError": "warning"}


def test_a_phase_cannot_have_more_tasks_than_a_container_can_have_children() -> None:
    phases = read_orchestration(orchestration().root)
    check_phases(phases, 2, "$.configuration.phases")
    with pytest.raises(Limit) as caught:
        check_phases(phases, 1, "$.configuration.phases")
    assert caught.value.path == "$.configuration.phases"
