"""The steps of a run, their environment and the message that starts each step."""

import os
from typing import Any

import pytest

from locksided.keeper.messages import User, to_wire
from locksided.runs.plan import DataFolder, Step, plan
from locksided.runs.specification import StepKind, row_by_row
from locksided.runs.start_order import secret_values, start_order
from runs.examples import command, component, config, context, named, resolved, row, steps

STATE = "/state"


def message(step: Step, spec: Any, **kwargs: Any) -> dict[str, Any]:
    return to_wire(start_order(step, spec, context(STATE), **kwargs))


def test_a_plain_configuration_is_one_step() -> None:
    result = resolved(stored=config(parameters={"a": "{{ v }}"}, variables={"v": "1"}))
    (step,) = steps(result)
    assert (step.kind, step.row, step.takes_state) == (StepKind.COMPONENT, None, True)
    assert step.config_file == {"parameters": {"a": "1"}, "image_parameters": {}, "action": "run"}


def test_config_json_contains_only_what_the_component_needs() -> None:
    stored = config(
        parameters={"a": 1},
        storage={"input": {"tables": []}},
        authorization={},
        runtime={"pool": "night"},
        processors={},
        shared_code_id="x",
    )
    (step,) = steps(resolved(stored=stored, of=component(imageParameters={"url": "u"})))
    assert step.config_file == {
        "parameters": {"a": 1},
        "storage": {"input": {"tables": []}},
        "shared_code_id": "x",
        "image_parameters": {"url": "u"},
        "action": "run",
    }


def test_rows_run_one_after_another_each_merged_over_the_root() -> None:
    stored = config(
        [row("a", parameters={"table": "t1"}), row("b", parameters={"deep": {"y": 2}})],
        parameters={"table": "t0", "deep": {"x": 1}, "list": [1]},
    )
    first, second = steps(resolved(stored=stored))
    assert [first.row, second.row] == ["a", "b"]
    assert first.config_file is not None
    assert second.config_file is not None
    assert first.config_file["parameters"] == {"table": "t1", "deep": {"x": 1}, "list": [1]}
    assert second.config_file["parameters"]["deep"] == {"x": 1, "y": 2}
    assert (first.folder, first.ends_row, second.folder) == (DataFolder.FRESH, True, DataFolder.FRESH)


def test_a_configuration_whose_rows_are_all_disabled_has_no_steps() -> None:
    assert steps(resolved(stored=config([row("a", disabled=True)]))) == ()


def test_the_specification_of_a_child_runs_only_its_row() -> None:
    result = resolved({"parallelism": 2}, stored=config([row("a"), row("b")]))
    of_rows = dict(row_by_row(result.spec, None))
    (step,) = plan(of_rows["b"])
    assert (list(of_rows), step.row) == (["a", "b"], "b")


def test_processors_are_steps_around_the_component() -> None:
    processor = named("pr.head", command=["head"], tags={"2": {"command": ["head2"]}})
    stored = config(
        parameters={"main": 1},
        processors={
            "before": [{"definition": {"component": "pr.head"}, "parameters": {"n": 1}}],
            "after": [{"definition": {"component": "pr.head", "tag": "2"}}],
        },
    )
    result = resolved(stored=stored, processors={"pr.head": processor})
    before, main, after = steps(result)
    assert [step.kind for step in (before, main, after)] == [
        StepKind.PROCESSOR,
        StepKind.COMPONENT,
        StepKind.PROCESSOR,
    ]
    assert before.config_file == {"parameters": {"n": 1}, "image_parameters": {}, "action": "run"}
    handed = DataFolder.HANDED_ON
    assert [step.folder for step in (before, main, after)] == [DataFolder.FRESH, handed, handed]
    assert [step.takes_state for step in (before, main, after)] == [False, True, False]
    assert after.execution.stages == (("head2",),)
    assert message(before, result.spec)["env"]["KBC_COMPONENTID"] == "pr.head"


def test_the_environment_is_the_common_interface_and_a_plain_base() -> None:
    result = resolved(stored=config(), of=component(environment={"MINE": "1", "LANG": "de_DE"}))
    (step,) = steps(result)
    assert message(step, result.spec)["env"] == {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": "/home/ada",
        "LANG": "de_DE",
        "TMPDIR": "/state/runs/0/12/tmp",
        "KBC_DATADIR": "/state/runs/0/12/data/",
        "KBC_RUNID": "10.12",
        "KBC_PROJECTID": "default",
        "KBC_STACKID": "lockside",
        "KBC_CONFIGID": "flights",
        "KBC_CONFIGVERSION": "7",
        "KBC_COMPONENTID": "ex.table",
        "KBC_BRANCHID": "default",
        "KBC_STAGING_FILE_PROVIDER": "local",
        "KBC_PROJECT_FEATURE_GATES": "queuev2",
        "KBC_COMPONENT_RUN_MODE": "run",
        "KBC_DATA_TYPE_SUPPORT": "authoritative",
        "LOCKSIDE_JOB_ID": "12",
        "LOCKSIDE_RUN_ID": "10.12",
        "LOCKSIDE_PROJECT": "default",
        "LOCKSIDE_JOB_SOCKET": "/run/lockside.sock",
        "LOCKSIDE_SOCKET": "/run/lockside.sock",
        "MINE": "1",
    }


def test_no_variable_of_the_daemons_environment_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAEMON_SECRET", "x")
    result = resolved()
    assert not {"DAEMON_SECRET", "KBC_TOKEN"} & message(steps(result)[0], result.spec)["env"].keys()
    assert "DAEMON_SECRET" in os.environ


def test_without_a_stored_configuration_its_id_is_a_hash_of_the_content() -> None:
    def config_id(parameters: dict[str, Any]) -> str:
        result = resolved({"configData": {"parameters": parameters}})
        env: dict[str, str] = message(steps(result)[0], result.spec)["env"]
        assert "KBC_CONFIGVERSION" not in env
        return env["KBC_CONFIGID"]

    assert config_id({"a": 1}) == config_id({"a": 1})
    assert config_id({"a": 1}) != config_id({"a": 2})


def test_the_environment_names_the_row_and_the_debug_mode() -> None:
    result = resolved({"mode": "debug"}, stored=config([row("a")]))
    env = message(steps(result)[0], result.spec)["env"]
    assert (env["KBC_CONFIGROWID"], env["KBC_COMPONENT_RUN_MODE"]) == ("a", "debug")


def test_the_start_message_contains_all_that_the_keeper_needs() -> None:
    of = component(stopSignal="SIGINT", graceSeconds=3, leftovers="wait", limits={"cpus": 2})
    stored = config(parameters={"#password": "hunter22"}, runtime={"limits": {"memoryBytes": "1GB"}})
    result = resolved(of=of, stored=stored)
    sent = message(steps(result)[0], result.spec, state={"#token": "abcd1234"}, spent_seconds=600)
    del sent["env"]
    assert sent == {
        "op": "start",
        "token": "12-1-0",
        "folder": "/state/runs/0/12/steps/1-0",
        "pipeline": [["run", "--data=/state/runs/0/12/data/"]],
        "cwd": "/state/runs/0/12/cwd",
        "timeoutSeconds": 3000.0,
        "graceSeconds": 3.0,
        "stopSignal": 2,
        "memoryBytes": 1_000_000_000,
        "cpus": 2,
        "leftovers": "wait",
        "secrets": ["abcd1234", "hunter22"],
        "logFolder": "/state/runs/0/12/log",
        "maxLogBytes": 64 * 2**20,
    }


def test_the_umask_is_that_of_the_program_or_else_the_given_one() -> None:
    for result in command(command=["make"], umask="027"), resolved(of=component(umask="027")):
        assert message(steps(result)[0], result.spec, umask="022")["umask"] == 0o027
    result = command(command=["make"])
    assert message(steps(result)[0], result.spec, umask="022")["umask"] == 0o022


def test_a_run_whose_time_is_up_still_gets_a_limit() -> None:
    result = resolved({"limits": {"timeoutSeconds": 5}})
    assert message(steps(result)[0], result.spec, spent_seconds=9)["timeoutSeconds"] > 0


def test_another_account_is_sent_with_its_groups() -> None:
    result = resolved()
    account = context(STATE, run_as=User(1000, 1000, (1000, 27)))
    assert to_wire(start_order(steps(result)[0], result.spec, account))["user"] == {
        "uid": 1000,
        "gid": 1000,
        "groups": [1000, 27],
    }


def test_the_data_folder_is_inserted_wherever_a_component_names_it() -> None:
    of = component(command=None, shell="cp {datadir}in/* {datadir}out", cwd="{datadir}in/user")
    result = resolved(of=of)
    sent = message(steps(result)[0], result.spec)
    assert sent["pipeline"] == [["/bin/sh", "-c", "cp /state/runs/0/12/data/in/* /state/runs/0/12/data/out"]]
    assert sent["cwd"] == "/state/runs/0/12/data/in/user"


def test_a_plain_command_runs_in_the_callers_folder_and_environment() -> None:
    result = command(pipeline=[["tap", "{datadir}"], ["target"]], cwd="/src", environment={"A": "1"})
    (step,) = steps(result)
    sent = message(step, result.spec)
    assert not step.has_data
    assert sent["pipeline"] == [["tap", "{datadir}"], ["target"]]
    assert sent["cwd"] == "/src"
    assert sent["env"] == {
        "A": "1",
        "LOCKSIDE_JOB_ID": "12",
        "LOCKSIDE_RUN_ID": "10.12",
        "LOCKSIDE_PROJECT": "default",
        "LOCKSIDE_JOB_SOCKET": "/run/lockside.sock",
        "LOCKSIDE_SOCKET": "/run/lockside.sock",
    }


def test_a_plain_command_without_an_environment_gets_the_plain_base() -> None:
    result = command(command=["make"])
    sent = message(steps(result)[0], result.spec)
    assert sent["env"]["HOME"] == "/home/ada"
    assert sent["cwd"] == "/state/runs/0/12/cwd"


def test_secrets_are_the_values_of_hash_keys_at_any_depth() -> None:
    document = {"#a": {"b": ["long secret", 12345]}, "c": [{"#d": "other"}], "e": "public", "#short": "abc"}
    assert secret_values([document, None]) == ["long secret", "12345", "other"]
