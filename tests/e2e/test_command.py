"""`lockside.command`: the caller's command, folder and environment, which is shown to its owner only."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from e2e.conftest import needs_root
from e2e.harness import Daemon
from e2e.people import READ
from e2e.wire import Wire, of

ENVIRONMENT = {"PATH": "/usr/bin:/bin", "MY_TOKEN": "very-private-value", "EMPTY": ""}


def test_a_command_runs_in_the_folder_and_environment_of_the_caller(wire: Wire, place: Path) -> None:
    parameters = {"command": ["env"], "cwd": str(place), "environment": ENVIRONMENT}
    job = wire.done(wire.create(configData={"parameters": parameters}))
    env = dict(line.split("=", 1) for line in wire.text(job).splitlines())
    assert ENVIRONMENT.items() <= env.items()
    assert of(env, "LOCKSIDE_JOB_ID", "LOCKSIDE_RUN_ID") == (job["id"], job["runId"])
    assert not {name for name in env if name.startswith("KBC_")}
    pwd = wire.done(wire.create(configData={"parameters": {"command": ["pwd"], "cwd": str(place)}}))
    assert wire.text(pwd) == f"{place}\n"
    assert not (Path(job["workPath"]) / "data").exists()


@pytest.mark.parametrize("program", [{"command": ["sh", "-c", "umask"]}, {"shell": "umask"}])
def test_the_umask_is_that_of_the_caller_or_by_default_of_the_daemon(
    wire: Wire, daemon: Daemon, program: dict[str, Any]
) -> None:
    own = wire.done(wire.create(configData={"parameters": {**program, "umask": "027"}}))
    assert wire.text(own) == "0027\n"
    before = os.umask(0o022)
    os.umask(before)
    other = wire.done(wire.create(configData={"parameters": program}))
    assert wire.text(other) == f"{before:04o}\n"
    assert [path for path in daemon.state_dir.rglob("*.db*") if path.stat().st_mode & 0o077] == []


def test_a_pipeline_and_a_shell_are_commands_too(wire: Wire) -> None:
    piped = wire.done(
        wire.create(configData={"parameters": {"pipeline": [["echo", "abc"], ["tr", "a-c", "x-z"]]}})
    )
    assert wire.text(piped) == "xyz\n"
    shell = wire.done(wire.create(configData={"parameters": {"shell": "echo $((6 * 7)) | cat"}}))
    assert wire.text(shell) == "42\n"


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"command": ["a"], "shell": "b"},
        {"command": []},
        {"command": "a b"},
        {"command": ["a"], "colour": 1},
        {"command": ["a"], "cwd": 3},
        {"command": ["a"], "umask": "9"},
        {"command": ["a"], "environment": {"A=B": "c"}},
        {"command": ["a"], "environment": {"A": 1}},
    ],
)
def test_an_invalid_command_is_refused(wire: Wire, parameters: dict[str, Any]) -> None:
    refusal = wire.refused("job.create", component="lockside.command", configData={"parameters": parameters})
    assert refusal.code == -32602
    assert refusal.data["path"].startswith("$.configData")


def test_an_environment_appears_neither_in_events_nor_in_plain_in_the_database(
    wire: Wire, daemon: Daemon
) -> None:
    parameters = {"command": ["true"], "environment": ENVIRONMENT}
    jobs = [wire.done(wire.create(configData={"parameters": parameters})) for _ in range(3)]
    assert "very-private-value" not in json.dumps(wire.events())
    database = (daemon.state_dir / "lockside.db").read_bytes() + (
        daemon.state_dir / "lockside.db-wal"
    ).read_bytes()
    assert jobs[0]["configData"]["parameters"]["environment"] == ENVIRONMENT, "its owner sees it"
    assert b"very-private-value" not in database


@needs_root
def test_nobody_else_sees_a_commands_environment(fresh: Any) -> None:
    daemon = fresh(LOCKSIDE_DAEMON__SOCKET_GROUP="nogroup")
    wire = daemon.wire()
    daemon.state_dir.chmod(0o711)
    parameters = {"command": ["true"], "environment": ENVIRONMENT}
    job = wire.done(wire.create(configData={"parameters": parameters, "other": {"#key": "hash-secret"}}))
    calls = [
        ["job.get", {"id": job["id"]}],
        ["job.list", {}],
        ["event.list", {}],
        ["job.wait", {"id": job["id"]}],
        ["job.log", {"id": job["id"]}],
    ]
    said = subprocess.run(
        [
            "setpriv",
            "--reuid=nobody",
            "--regid=nogroup",
            "--clear-groups",
            sys.executable,
            "-I",
            "-c",
            READ,
            str(daemon.socket),
            json.dumps(calls),
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "very-private-value" not in said
    assert "hash-secret" not in said
    answers = json.loads(said)
    assert answers[0]["result"]["id"] == job["id"]


def test_a_relative_or_missing_folder_is_named(wire: Wire) -> None:
    job = wire.done(wire.create(configData={"parameters": {"command": ["true"], "cwd": "/no/such/place"}}))
    assert of(job, "status", "starts") == ("error", 0)
    assert "/no/such/place" in job["message"]
    refusal = wire.refused(
        "job.create",
        component="lockside.command",
        configData={"parameters": {"command": ["true"], "cwd": "../x"}},
    )
    assert refusal.data["path"] == "$.configData.parameters.cwd"
