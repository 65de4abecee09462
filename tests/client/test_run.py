"""`run`: what it requests from the daemon, what it prints, and how it exits."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from client.conftest import Run
from client.fakedaemon import FakeDaemon, HangUp, Refusal, in_turn, job


def test_a_configuration_becomes_a_request_with_all_its_options(daemon: FakeDaemon, run: Run) -> None:
    daemon.answers["job.create"] = job(status="created")
    chosen = "--row r1 --row r2 --set day=monday --mode debug --name nightly --priority high --pool big"
    more = "--delay 10m --hold --depends 7:final --depends 8 --timeout 1h --memory 1GB --label team=a"
    assert run("run", "shop.orders/daily", *chosen.split(), *more.split()).code == 0
    trial, request = daemon.params_of("job.create")
    assert trial["dryRun"], "whether all values are used"
    assert request.pop("deduplicationId")
    assert request == {
        "component": "shop.orders",
        "config": "daily",
        "configRowIds": ["r1", "r2"],
        "variableValuesData": {"values": [{"name": "day", "value": "monday"}]},
        "mode": "debug",
        "name": "nightly",
        "priority": 50,
        "pool": "big",
        "delay": 600,
        "hold": True,
        "dependsOn": [{"job": "7", "when": "final"}, {"job": "8", "when": "success"}],
        "limits": {"timeoutSeconds": 3600, "memoryBytes": 1_000_000_000},
        "labels": {"team": "a"},
    }


def test_a_command_is_sent_with_the_callers_folder_and_environment(
    daemon: FakeDaemon, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon.answers["job.create"] = job()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLOUR", "blue")
    monkeypatch.setenv("LOCKSIDE_START_TOKEN", "another job's")
    os.environb[b"BYTES"] = b"\xff"
    before = os.umask(0o027)
    try:
        run("run", "--", "make", "-j2")
    finally:
        del os.environb[b"BYTES"]
        os.umask(before)
    request = daemon.params_of("job.create")[0]
    parameters = request["configData"]["parameters"]
    assert (request["component"], parameters["command"]) == ("lockside.command", ["make", "-j2"])
    assert (parameters["cwd"], parameters["umask"]) == (str(tmp_path), "027")
    assert parameters["environment"]["COLOUR"] == "blue"
    assert not {"LOCKSIDE_START_TOKEN", "BYTES"} & parameters["environment"].keys()


def test_variables_that_are_not_text_are_named_and_pythons_own_are_not_sent(daemon: FakeDaemon) -> None:
    daemon.answers["job.create"] = job()
    code = "from lockside.cli.main import main; raise SystemExit(main())"
    call = [sys.executable, "-c", code, "--socket", daemon.path, "run", "-d", "--", "true"]
    own = {"PATH": os.environ["PATH"], "LANG": "C"}
    ran = subprocess.run(
        call, env={**own, "ODD": os.fsdecode(b"\xff")}, capture_output=True, text=True, check=True
    )
    assert ran.stderr == "lockside: warning: not UTF-8, so the job does not get them: ODD\n"
    (request,) = daemon.params_of("job.create")
    assert request["configData"]["parameters"]["environment"] == own


def test_inside_a_job_the_new_job_becomes_its_child(
    daemon: FakeDaemon, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon.answers["job.create"] = job()
    daemon.answers["job.wait"] = {"jobs": [job()]}
    monkeypatch.setenv("LOCKSIDE_RUN_ID", "12.15")
    assert run("run", "--wait", "a/b").code == 0
    assert daemon.params_of("job.create")[0]["parentRunId"] == "12.15"
    assert daemon.params_of("job.wait")[0]["waiterRunId"] == "12.15"


@pytest.mark.parametrize(
    ("status", "code"), [("success", 0), ("warning", 0), ("error", 1), ("cancelled", 1), ("terminated", 1)]
)
def test_waiting_exits_with_the_result_of_the_job(
    daemon: FakeDaemon, run: Run, status: str, code: int
) -> None:
    daemon.answers["job.create"] = job(status="created")
    daemon.answers["job.wait"] = {"jobs": [job(status=status)]}
    ran = run("run", "--wait", "a/b")
    assert (ran.code, ran.out) == (code, f"42\t{status}\n")
    assert ran.err == "" if code == 0 else "lockside: airports.extract/daily (job 42): " in ran.err


@pytest.mark.parametrize(
    ("words", "path", "message", "told"),
    [
        (["--label", "a=b"], "$.labels", "`labels`: It is too long", "--label: It is too long"),
        (["--timeout", "1h"], "$.limits.timeoutSeconds", "It is above 60", "--timeout: It is above 60"),
        (["--label", "a=b"], "$.labels.a", "`labels.a`: It is too long", "--label a: It is too long"),
        (["--set", "a=b"], "$.variableValuesData", "No", "--set: No"),
        ([], "$.limits.timeoutSeconds", "It is above 60", "It is above 60 (at limits.timeoutSeconds)"),
        ([], "$.component", "There is none", "There is none"),
    ],
)
def test_a_refusal_is_reported_in_the_words_that_were_typed(
    daemon: FakeDaemon, run: Run, words: list[str], path: str, message: str, told: str
) -> None:
    daemon.answers["job.create"] = in_turn(Refusal(-32602, message, kind="invalid", path=path))
    daemon.answers["config.list"] = {"configs": []}
    assert run("run", *words, "a/b").err == f"lockside: {told}.\n"


@pytest.mark.parametrize(
    ("words", "method", "path", "message", "told"),
    [
        ("file get x", "storage.file.get", "$.id", "`id`: It is none", "FILE: It is none"),
        ("file get 9", "storage.file.get", "$.id", "There is no file 9", "There is no file 9"),
        ("file ls -n 5", "storage.file.list", "$.limit", "`limit`: It is too low", "--limit: It is too low"),
        ("file put a --tag b", "storage.file.put", "$.tags[0]", "`tags[0]`: It is bad", "--tag: It is bad"),
        (
            "pool put p --slots 1",
            "pool.put",
            "$.pool.options",
            "$.pool.options: none",
            "$.pool.options: none",
        ),
        (
            "retry 7 --failed-records --record 9",
            "job.retry",
            "$.numbers[0]",
            "$.numbers[0]: none",
            "--record: none",
        ),
    ],
)
def test_a_field_given_under_another_name_is_reported_under_that_name(
    daemon: FakeDaemon, run: Run, words: str, method: str, path: str, message: str, told: str
) -> None:
    daemon.answers["pool.list"] = {"pools": []}
    daemon.answers[method] = in_turn(Refusal(-32602, message, kind="invalid", path=path))
    assert run(*words.split()).err == f"lockside: {told}.\n"


@pytest.mark.parametrize("stay", ["--wait", "--follow"])
def test_without_a_terminal_a_failure_is_one_line_on_stderr(daemon: FakeDaemon, run: Run, stay: str) -> None:
    daemon.answers["job.create"] = job(status="created")
    result = {"error": {"message": "disk on fire\nwhat else", "kind": "exit", "exitCode": 3}}
    failed = job(status="error", result=result, process={"exitCode": 3})
    daemon.answers["job.wait"] = {"jobs": [failed]}
    daemon.answers["job.log"] = {"frames": [], "nextOffset": 0, "isComplete": True}
    ran = run("run", stay, "a/b")
    assert ran.out == ("42\terror\n" if stay == "--wait" else "")
    assert ran.err == (
        "lockside: airports.extract/daily (job 42): error, exit code 3: disk on fire. See: lockside show 42\n"
    )


def test_following_keeps_the_two_streams_separate_and_exits_with_the_result(
    daemon: FakeDaemon, run: Run
) -> None:
    daemon.answers["job.create"] = job(status="created")
    frames = [
        {"seq": 0, "time": "2026-01-31T08:00:00Z", "stream": "stdout", "text": "one\n"},
        {"seq": 1, "time": "2026-01-31T08:00:00Z", "stream": "stderr", "text": "two\n"},
    ]
    daemon.answers["job.log"] = in_turn(
        {"frames": frames[:1], "nextOffset": 1, "isComplete": False},
        {"frames": frames[1:], "nextOffset": 2, "isComplete": True},
        {"frames": [], "nextOffset": 2, "isComplete": True},
    )
    daemon.answers["job.wait"] = {"jobs": [job(status="error")]}
    ran = run("run", "-f", "a/b")
    assert (ran.code, ran.out) == (1, "one\n")
    assert ran.err == "two\nlockside: airports.extract/daily (job 42): error. See: lockside show 42\n"
    assert [call["offset"] for call in daemon.params_of("job.log")] == [0, 1, 2]


def test_a_detached_run_prints_only_the_id(daemon: FakeDaemon, run: Run) -> None:
    daemon.answers["job.create"] = job("77", "created")
    assert run("run", "-d", "a/b").out == "77\n"
    assert json.loads(run("run", "--json", "a/b").out)["id"] == "77"


def test_a_creation_whose_answer_was_lost_is_resent_under_the_same_id(daemon: FakeDaemon, run: Run) -> None:
    daemon.answers["job.create"] = in_turn(HangUp(), job("77", "created", deduplicated=True))
    assert run("run", "-d", "a/b").out == "77\n"
    first, second = daemon.params_of("job.create")
    assert first["deduplicationId"] == second["deduplicationId"]


def test_a_wait_continues_after_a_goodbye_of_the_daemon(daemon: FakeDaemon, run: Run) -> None:
    daemon.answers["job.create"] = job(status="processing")
    goodbye = Refusal(-32006, "The daemon stops.", kind="unavailable")
    daemon.answers["job.wait"] = in_turn(goodbye, {"jobs": [job()]})
    ran = run("run", "--wait", "a/b")
    assert ran.code == 0
    assert "The daemon stops. Trying again for at most 120 s; jobs go on meanwhile ..." in ran.err


def test_a_file_with_several_requests_is_created_all_or_none(
    daemon: FakeDaemon, run: Run, tmp_path: Path
) -> None:
    daemon.answers["job.createMany"] = {"jobs": [job("1", "created"), job("2", "created")]}
    file = tmp_path / "jobs.toml"
    file.write_text('[[jobs]]\ncomponent = "a"\n[[jobs]]\ncomponent = "b"\n')
    assert run("run", "--from-file", str(file)).out == "1\n2\n"
    assert daemon.params_of("job.createMany")[0]["jobs"] == [{"component": "a"}, {"component": "b"}]


def test_a_broken_file_is_named_with_its_line(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "job.json"
    file.write_text('{"component": "a",\n}')
    ran = run("run", "--from-file", str(file))
    assert ran.code == 2
    assert f"{file}:2" in ran.err


def test_a_refusal_names_the_field_and_what_to_do(daemon: FakeDaemon, run: Run) -> None:
    refusal = Refusal(-32602, "There is no pool 'bigg'.", kind="invalid", path="$.pool")
    daemon.answers["job.create"] = in_turn(refusal)
    ran = run("run", "a/b", "--pool", "bigg")
    assert (ran.code, ran.err) == (2, "lockside: --pool: There is no pool 'bigg'.\n")


def test_a_dependency_can_have_a_name_with_spaces_and_colons(daemon: FakeDaemon, run: Run) -> None:
    daemon.answers["job.create"] = job()
    daemon.answers["job.list"] = lambda asked: {"jobs": [job("7")] if asked.get("name") == "a: load" else []}
    assert run("run", "a/b", "--depends", "a: load", "--depends", "a: load:final").code == 0
    depends = [{"job": "7", "when": "success"}, {"job": "7", "when": "final"}]
    assert daemon.params_of("job.create")[0]["dependsOn"] == depends


@pytest.mark.parametrize(
    "words", [[], ["a/b", "--", "ls"], ["a/"], ["a/b", "--set", "x"], ["a/b", "--depends", "1:now"]]
)
def test_an_impossible_request_is_a_usage_error(daemon: FakeDaemon, run: Run, words: list[str]) -> None:
    ran = run("run", *words)
    assert ran.code == 2
    assert "See `lockside run --help`." in ran.err
    assert daemon.calls == []


def test_without_a_daemon_the_exit_code_is_69(daemon: FakeDaemon, run: Run) -> None:
    daemon.stop()
    ran = run("run", "a/b")
    assert ran.code == 69
    assert "Start one with `lockside start`" in ran.err
