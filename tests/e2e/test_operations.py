"""Steps that are programs of the daemon itself: what happens to one, whichever process dies meanwhile."""

import os
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from e2e import operating
from e2e.harness import Daemon, python, short_folder
from e2e.processes import kill_and_wait, processes_of
from e2e.signs import Ear, Gate
from e2e.wire import Wire, of, put_component, put_config

MAIN = """
import json, os, pathlib
data = pathlib.Path(os.environ["KBC_DATADIR"])
given = data / "in/files/given"
print("main", os.environ.get("KBC_CONFIGROWID", "-"), given.exists() and given.read_text(), flush=True)
(data / "out/files/made").write_text("x")
raise SystemExit(json.loads((data / "config.json").read_text())["parameters"].get("main", 0))
"""


@pytest.fixture
def operated() -> Iterator[Callable[..., Daemon]]:
    """Starts a daemon that has the operations of `operating`."""
    with short_folder() as folder:
        daemon = Daemon(folder)
        daemon.program = [sys.executable, operating.__file__]

        def start(**settings: str) -> Daemon:
            daemon.settings = settings
            return daemon.start()

        try:
            yield start
        finally:
            daemon.end()


def run(wire: Wire, *, rows: list[dict[str, Any]] | None = None, **fields: Any) -> dict[str, Any]:
    """Create a job whose operations do what the parameters say."""
    put_component(wire, "acme.main", command=python(MAIN))
    parameters = {name: fields.pop(name) for name in ("main", *operating.STEPS) if name in fields}
    if rows is None:
        return wire.create("acme.main", configData={"parameters": parameters}, **fields)
    put_config(wire, "acme.main", "one", configuration={"parameters": parameters}, rows=rows)
    return wire.create("acme.main", config="one", **fields)


def last_logged(wire: Wire, job: dict[str, Any], lines: int) -> str:
    """Return the last line of a log once it has this many; output still in a pipe is lost with the keeper."""
    page = wire.call("job.log", id=job["id"], offset=lines - 1, waitSeconds=60)
    text: str = page["frames"][-1]["text"]
    return text


def test_operations_run_before_the_run_before_each_row_and_after_the_run(
    operated: Callable[..., Daemon],
) -> None:
    wire = operated().wire()
    rows = [{"id": name, "configuration": {}} for name in ("a", "b")]
    left = '{"message": "", "result": {"input": {"tables": [{"name": "t"}], "files": []}}}'
    job = wire.done(run(wire, rows=rows, before={"left": left}, row={}, after={}))
    assert job["status"] == "success", job["message"]
    assert wire.text(job).splitlines() == [
        "step before -",
        *("step row a", "main a from the operation"),
        *("step row b", "main b from the operation"),
        "step after -",
    ]
    assert job["result"]["input"]["tables"] == [{"name": "t"}]
    assert [one["path"] for one in job["result"]["output"]["files"]] == [
        f"rows/{row}/out/files/made" for row in ("a", "b")
    ]
    assert (job["starts"], job["process"]["exitCode"]) == (1, 0)
    assert "input_mapping" in job["stageTimestamps"]
    assert not [name for name in os.listdir(job["workPath"]) if name.startswith("operation-")]


FAILURES: list[tuple[dict[str, Any], tuple[str, str, str]]] = [
    ({"code": 1, "left": '{"message": "No table t."}'}, ("user", "input", "No table t.")),
    ({"code": 2, "left": '{"message": "A broken pipe."}'}, ("application", "input", "A broken pipe.")),
    ({"left": "[]"}, ("application", "input", "The step row: Its result.json is not an object.")),
    ({"left": "{"}, ("application", "input", "The step row: Its result.json is not valid JSON")),
    ({"shell": "kill -9 $PPID"}, ("application", "signal", "The step row: It was ended by SIGKILL.")),
]


def test_a_failed_operation_ends_the_run_with_its_own_message(operated: Callable[..., Daemon]) -> None:
    wire = operated().wire()
    for asked, said in FAILURES:
        job = wire.done(run(wire, row=asked))
        error = job["result"]["error"]
        assert (job["status"], error["type"], error["kind"]) == ("error", *said[:2])
        assert error["message"].startswith(said[2])
        assert job["message"].startswith("step 1 of 2")
        assert "The step row: " in job["message"]
        assert "main" not in wire.text(job)


def test_a_failed_component_is_followed_by_the_operation_for_failures(
    operated: Callable[..., Daemon],
) -> None:
    wire = operated().wire()
    job = wire.done(
        run(wire, main=3, before={}, after={}, rescue={"shell": "sleep 1.1"}, limits={"timeoutSeconds": 1})
    )
    assert wire.text(job).splitlines() == ["step before -", "main - False", "step rescue -"]
    assert (job["status"], job["result"]["error"]["exitCode"]) == ("error", 3)
    assert [one["status"] for one in job["result"]["steps"]] == ["success", "error", "success"]
    assert job["process"]["exitCode"] == 3


def test_rows_that_ran_are_kept_for_the_operation_and_the_others_are_reported(
    operated: Callable[..., Daemon],
) -> None:
    wire = operated().wire()
    rows = [{"id": name, "configuration": {"parameters": {"main": name == "b"}}} for name in ("a", "b", "c")]
    left = {"shell": "ls ../rows ../rows/b/out/files", "code": 1, "left": '{"message": "Not rescued."}'}
    job = wire.done(run(wire, rows=rows, rescue=left))
    assert wire.text(job).split()[-5:] == ["../rows:", "a", "b", "../rows/b/out/files:", "made"]
    assert job["result"]["message"].splitlines()[-2:] == [
        "The step rescue: Not rescued.",
        "Rows that did not run: c.",
    ]


def test_no_operation_follows_a_terminated_component(operated: Callable[..., Daemon], ear: Ear) -> None:
    wire = operated().wire()
    job = run(wire, rescue={"shell": f"echo up > {ear.path}; exec sleep 600"}, main=1)
    assert ear.hear() == "up"
    wire.call("job.terminate", id=job["id"])
    assert of(wire.done(job), "status", "starts") == ("terminated", 1)


def test_the_operation_for_failures_survives_the_daemon_and_is_repeated_without_its_keeper(
    operated: Callable[..., Daemon], gate: Gate, ear: Ear, place: Path
) -> None:
    daemon = operated()
    body = f"echo up > {ear.path}; test -e {place}/again || exec sleep 600; {gate.text}"
    job = run(daemon.wire(), main=2, rescue={"shell": body})
    assert ear.hear() == "up"
    assert last_logged(daemon.wire(), job, 2) == "step rescue -\n"
    (place / "again").touch()
    daemon.kill_keeper()
    assert ear.hear() == "up"
    daemon.kill()
    gate.open()
    wire = daemon.start().wire()
    assert of(wire.done(job), "status", "starts") == ("error", 1)
    assert wire.text(job).splitlines() == ["main - False", "step rescue -", "step rescue -"]
    assert wire.done(job)["result"]["error"]["exitCode"] == 2


def test_an_operation_continues_without_a_daemon(
    operated: Callable[..., Daemon], gate: Gate, ear: Ear
) -> None:
    daemon = operated()
    job = run(daemon.wire(), row={"shell": f"echo up > {ear.path}; {gate.text}"})
    assert ear.hear() == "up"
    daemon.kill()
    gate.open()
    wire = daemon.start().wire()
    assert of(wire.done(job), "status", "starts") == ("success", 1)
    assert wire.text(job).count("step row") == 1


def test_a_lost_operation_is_restarted_alone(operated: Callable[..., Daemon], ear: Ear, place: Path) -> None:
    daemon = operated()
    wire = daemon.wire()
    body = f"echo $PPID > {ear.path}; test -e {place}/again || exec sleep 600"
    job = run(wire, before={}, after={"shell": body})
    first = int(ear.hear())
    assert last_logged(wire, job, 3) == "step after -\n"
    (place / "again").touch()
    daemon.kill_keeper()
    assert int(ear.hear()) != first
    assert of(wire.done(job), "status", "starts") == ("success", 1)
    assert wire.text(job).splitlines() == ["step before -", "main - False", "step after -", "step after -"]
    assert wire.history(job) == ["created", "processing", "success"]


def test_an_operation_lost_repeatedly_counts_as_the_loss_of_its_job(
    operated: Callable[..., Daemon], ear: Ear
) -> None:
    daemon = operated()
    wire = daemon.wire()
    job = run(wire, after={"shell": f"echo up > {ear.path}; exec sleep 600"}, onLost="error")
    for _ in range(4):
        assert ear.hear() == "up"
        daemon.kill_keeper()
    ended = wire.done(job)
    assert of(ended, "status", "starts") == ("error", 1)
    assert ended["result"]["error"]["kind"] == "lost"
    assert ear.is_silent()


def test_after_a_reboot_the_job_is_lost_and_not_only_the_operation(
    operated: Callable[..., Daemon], ear: Ear
) -> None:
    daemon = operated()
    keeper = daemon.keeper_pid()
    job = run(daemon.wire(), after={"shell": f"echo up > {ear.path}; exec sleep 600"}, onLost="error")
    assert ear.hear() == "up"
    daemon.kill()
    for pid in (keeper, *processes_of(daemon.folder)):
        with suppress(ProcessLookupError):
            kill_and_wait(pid)
    with closing(sqlite3.connect(daemon.state_dir / "lockside.db")) as database, database:
        database.execute("UPDATE meta SET value = 'another' WHERE key = 'boot_id'")
    ended = daemon.start().wire().done(job)
    assert of(ended["result"]["error"], "kind") == ("lost",)
    daemon.wire().done(daemon.wire().shell("true"))


def test_a_terminate_and_a_time_limit_stop_an_operation(operated: Callable[..., Daemon], ear: Ear) -> None:
    wire = operated().wire()
    asked = {"shell": f"echo up > {ear.path}; exec sleep 600"}
    job = run(wire, row=asked)
    assert ear.hear() == "up"
    wire.call("job.terminate", id=job["id"])
    assert of(wire.done(job), "status", "starts") == ("terminated", 1)
    late = wire.done(run(wire, row=asked, limits={"timeoutSeconds": 1}))
    assert late["result"]["error"]["kind"] == "timeout"
    assert late["message"].startswith("step 1 of 2: The step row: It ran longer than its time limit")
