"""Which level decides: orchestration, request, configData, configuration, component, daemon."""

from itertools import product
from typing import Any

import pytest

from lockside.documents.enums import Backoff, FailureClass
from locksided.core.errors import Invalid
from locksided.runs.resolved import Defaults, Resolved
from runs.examples import component, config, resolved

LEVELS = ("orchestration", "request", "configData", "configuration", "component")
POOLS = {"default", *LEVELS}


def at_levels(name: str, values: dict[str, Any]) -> Resolved:
    """A job with a field set at some levels; a stored configuration ranks below configData."""
    of = component(**({name: values["component"]} if "component" in values else {}))
    runtimes: dict[str, dict[str, Any]] = {
        level: {"runtime": {name: values[level]}} if level in values else {}
        for level in ("configData", "configuration")
    }
    stored = config(None, disabled=False, **runtimes["configuration"])
    request: dict[str, Any] = {"configData": {"parameters": {"a": 1}, **runtimes["configData"]}}
    if "request" in values:
        request[name] = values["request"]
    orchestration = {name: values["orchestration"]} if "orchestration" in values else None
    defaults = Defaults(pools=POOLS)
    return resolved(request, of=of, stored=stored, defaults=defaults, orchestration=orchestration)


def nearest(present: tuple[bool, ...]) -> str | None:
    return next((level for level, there in zip(LEVELS, present, strict=True) if there), None)


@pytest.mark.parametrize("present", list(product([True, False], repeat=5)))
def test_the_nearest_level_that_sets_a_value_decides(present: tuple[bool, ...]) -> None:
    named = [level for level, there in zip(LEVELS, present, strict=True) if there]
    winner = nearest(present)
    pool = at_levels("pool", {level: level for level in named})
    assert pool.spec.pool == (winner or "default")
    tag = at_levels("tag", {level: level for level in named})
    assert tag.spec.tag == winner
    # The component's limit is a ceiling, so nearer levels request less here.
    seconds = {level: 100.0 + LEVELS.index(level) for level in named}
    limits = at_levels("limits", {level: {"timeoutSeconds": seconds[level]} for level in named})
    assert limits.spec.limits.timeout_seconds == (seconds[winner] if winner else 3600.0)


@pytest.mark.parametrize("present", list(product([True, False], repeat=4)))
def test_the_nearest_level_decides_what_the_component_does_not_set(present: tuple[bool, ...]) -> None:
    named = [level for level, there in zip(LEVELS, present, strict=False) if there]
    winner = named[0] if named else None
    backend = at_levels("backend", {level: {"type": level} for level in named})
    assert backend.spec.backend == ({"type": winner} if winner else {})
    number = {level: 10 + LEVELS.index(level) for level in named}
    assert at_levels("parallelism", number).spec.parallelism == number.get(winner or "")


def test_a_null_sets_nothing_and_a_zero_does() -> None:
    assert at_levels("parallelism", {"request": None, "configuration": 3}).spec.parallelism == 3
    assert at_levels("parallelism", {"request": 0, "configuration": 3}).spec.parallelism == 0


def test_each_limit_is_resolved_separately() -> None:
    result = at_levels(
        "limits",
        {
            "request": {"timeoutSeconds": 5, "memoryBytes": None},
            "configuration": {"memoryBytes": "2GB", "timeoutSeconds": 9},
            "component": {"cpus": 2},
        },
    )
    limits = result.spec.limits
    assert (limits.timeout_seconds, limits.memory_bytes, limits.cpus) == (5.0, 2_000_000_000, 2)


@pytest.mark.parametrize(
    ("asked", "ceiling", "expected"),
    [
        (None, None, 3600),
        (None, 60, 60),
        (30, 60, 30),
        (90, 60, 60),
        (90, None, 90),
        ("02:00:00", None, 7200),
    ],
)
def test_the_components_limit_is_a_ceiling_and_an_hour_the_default(
    asked: object, ceiling: int | None, expected: int
) -> None:
    values = {"request": {"timeoutSeconds": asked}, "component": {"timeoutSeconds": ceiling}}
    assert at_levels("limits", values).spec.limits.timeout_seconds == expected


def test_total_processors_are_divided_by_the_number_of_machines_with_a_warning() -> None:
    values = {"request": {"processorsPerNode": 7}, "configuration": {"cpus": 1, "nodes": 2}}
    result = at_levels("limits", values)
    assert (result.spec.limits.cpus, result.spec.limits.nodes) == (4, 2)
    assert [text.split()[0] for text in result.warnings] == ["$.limits.processorsPerNode"]
    nearer = at_levels("limits", {"request": {"cpus": 3}, "configuration": {"processorsPerNode": 8}})
    assert nearer.spec.limits.cpus == 3


def test_a_job_for_several_machines_is_refused_in_a_pool_of_one_machine() -> None:
    defaults = Defaults(pools={"default": 1, "cluster": 1}, one_node_pools={"default"})
    limits = {"limits": {"nodes": 2}}
    assert resolved({**limits, "pool": "cluster"}, defaults=defaults).spec.limits.nodes == 2
    with pytest.raises(Invalid, match="'default'") as caught:
        resolved({**limits, "pools": ["cluster", "default"]}, defaults=defaults)
    assert caught.value.path == "$.limits.nodes"
    assert resolved({"limits": {"nodes": 1}}, defaults=defaults).spec.limits.nodes == 1


def test_a_plain_command_has_no_time_limit_unless_requested() -> None:
    request = {"component": "lockside.command", "configData": {"parameters": {"shell": "x"}}}
    assert resolved(request).spec.limits.timeout_seconds is None
    assert resolved({**request, "limits": {"timeoutSeconds": 3}}).spec.limits.timeout_seconds == 3


@pytest.mark.parametrize(
    ("name", "value", "path"),
    [
        ("timeoutSeconds", 0, "$.limits.timeoutSeconds"),
        ("timeoutSeconds", "soon", "$.limits.timeoutSeconds"),
        ("memoryBytes", "much", "$.limits.memoryBytes"),
        ("memoryBytes", -1, "$.limits.memoryBytes"),
        ("cpus", 0, "$.limits.cpus"),
        ("nodes", 1.5, "$.limits.nodes"),
        ("cpus", True, "$.limits.cpus"),
        ("processorsPerNode", 0, "$.limits.processorsPerNode"),
        ("processorsPerNode", "many", "$.limits.processorsPerNode"),
    ],
)
def test_an_invalid_limit_is_refused(name: str, value: object, path: str) -> None:
    with pytest.raises(Invalid) as caught:
        resolved({"limits": {name: value}})
    assert caught.value.path == path


def test_a_lost_job_is_requeued_by_default() -> None:
    assert resolved().spec.on_lost == "requeue"
    assert resolved(of=component(onLost="error")).spec.on_lost == "error"
    assert resolved(
        stored=config(runtime={"onLost": "requeue"}), of=component(onLost="error")
    ).spec.on_lost == ("requeue")


def test_a_retry_policy_has_its_defaults() -> None:
    retry = resolved({"retry": {"maxAttempts": 3}}).spec.retry
    assert retry is not None
    assert (retry.max_attempts, retry.backoff, retry.release_lock) == (3, Backoff.FIXED, False)
    assert retry.on == [FailureClass.APPLICATION, FailureClass.TIMEOUT, FailureClass.LOST]


def test_the_nearest_retry_policy_applies_as_a_whole() -> None:
    result = resolved(
        {"retry": {"maxAttempts": 2}}, of=component(retry={"maxAttempts": 5, "delaySeconds": 60})
    )
    assert result.spec.retry is not None
    assert (result.spec.retry.max_attempts, result.spec.retry.delay_seconds) == (2, 0)


@pytest.mark.parametrize(
    ("retry", "path"),
    [
        ({"maxAttempts": 0}, "$.retry.maxAttempts"),
        ({"maxAttempts": "3"}, "$.retry.maxAttempts"),
        ({"delaySeconds": 1}, "$.retry.maxAttempts"),
        ({"maxAttempts": 2, "on": ["rain"]}, "$.retry.on[0]"),
        ({"maxAttempts": 2, "backoff": "random"}, "$.retry.backoff"),
        ({"maxAttempts": 2, "jitter": 2}, "$.retry.jitter"),
        ({"maxAttempts": 2, "delaySeconds": -1}, "$.retry.delaySeconds"),
    ],
)
def test_an_invalid_retry_policy_is_refused(retry: dict[str, Any], path: str) -> None:
    with pytest.raises(Invalid) as caught:
        resolved({"retry": retry})
    assert caught.value.path == path
