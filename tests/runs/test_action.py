"""Sync actions: what is started, and what counts as an answer."""

from pathlib import Path
from typing import Any

import pytest

from lockside.documents.enums import ErrorType
from lockside.protocol.methods.actions import ActionRun
from locksided.core.errors import Invalid, NotFound
from locksided.runs import data_folder
from locksided.runs.action import Action, ActionFailed, action_order, action_value, plan_action
from runs.examples import component, context, outcome, read


def action(config_data: dict[str, Any] | None = None, **fields: Any) -> Action:
    values = {"component": "ex.table", "action": "testConnection", "configData": config_data or {}}
    return plan_action(read(ActionRun, values), component(**fields))


def test_config_json_contains_the_action_and_no_storage() -> None:
    content = action({"parameters": {"a": 1}, "storage": {"input": {}}}).step.config_file
    assert content == {"parameters": {"a": 1}, "image_parameters": {}, "action": "testConnection"}


def test_an_action_has_a_limit_of_half_a_minute_and_no_job() -> None:
    sent = action_order(action(), context("/state"), "action-5")
    assert (sent.token, sent.timeout_seconds) == ("action-5", 30.0)
    assert not {"LOCKSIDE_JOB_ID", "LOCKSIDE_RUN_ID"} & sent.env.keys()
    assert action(limits={"timeoutSeconds": 3}).spec.limits.timeout_seconds == 3


def test_the_folder_of_an_action_has_the_common_layout(tmp_path: Path) -> None:
    job = context(tmp_path)
    data_folder.prepare(action().step, job, None)
    assert (Path(job.folder.data) / "in/state.json").read_text() == "{}"


def test_an_unknown_action_is_not_found_when_the_component_lists_its_actions() -> None:
    with pytest.raises(NotFound) as caught:
        action(actions=["listTables"])
    assert caught.value.path == "$.action"


def test_an_unknown_component_and_a_built_in_one_are_refused() -> None:
    with pytest.raises(NotFound):
        plan_action(read(ActionRun, {"component": "nobody", "action": "x"}), None)
    with pytest.raises(Invalid):
        plan_action(read(ActionRun, {"component": "lockside.command", "action": "x"}), None)


@pytest.mark.parametrize(
    ("stdout", "value"),
    [
        (b'{"status": "success"}', {"status": "success"}),
        (b"[1,\n 2]\n", [1, 2]),
        (b'starting\nconnected\n{"status": "error"}\n', {"status": "error"}),
        (b"null", None),
    ],
)
def test_the_answer_is_all_of_stdout_or_its_last_line(stdout: bytes, value: object) -> None:
    assert action_value(action(), outcome(), stdout) == value


@pytest.mark.parametrize("stdout", [b"", b"\n", b"hello", b'{"a": 1}\nbye', b"\xff"])
def test_anything_else_is_the_components_fault(stdout: bytes) -> None:
    with pytest.raises(ActionFailed) as caught:
        action_value(action(), outcome(), stdout)
    assert caught.value.type is ErrorType.APPLICATION


@pytest.mark.parametrize(
    ("stdout", "problem"),
    [
        (b"[" * 980 + b"]" * 980, "is nested deeper than 100 levels"),
        (b'"\xff"', "is not UTF-8 text"),
        (b"1180591620717411303424", "has an integer that does not fit into 64 bits"),
        (b"words\nNaN", "has NaN, which is not JSON"),
    ],
)
def test_an_answer_that_cannot_be_sent_on_is_refused_with_its_cause(stdout: bytes, problem: str) -> None:
    with pytest.raises(ActionFailed, match=f"output {problem}; one JSON value is expected"):
        action_value(action(), outcome(), stdout)


def test_the_message_of_a_failed_action_is_its_output() -> None:
    with pytest.raises(ActionFailed, match="bad password") as caught:
        action_value(action(), outcome(exitCode=1, stderrTail="bad password"), b"")
    assert caught.value.type is ErrorType.USER


def test_an_action_that_takes_too_long_says_so() -> None:
    with pytest.raises(ActionFailed, match="30 seconds"):
        action_value(action(), outcome(stopped="timeout", signal=15, exitCode=None), b"")
