"""The recipes of the cookbook do what they claim, beyond exiting with success; they are run unchanged."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from e2e.harness import Daemon
from e2e.processes import PLAIN
from e2e.signs import Gate
from e2e.wire import Message, Wire, of, put_component, put_config, until_running
from handbook.examples import PAGES, examples

RECIPES = [
    (one.language, one.text)
    for one in examples(PAGES["cookbook"].read_text("utf-8"))
    if one.skipped == "see tests/e2e/test_cookbook.py"
]


def recipe(language: str, word: str) -> str:
    """Return the only recipe in this language that contains this word."""
    [text] = [text for kind, text in RECIPES if kind == language and word in text]
    return str(text)


def shell(daemon: Daemon, text: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **PLAIN,
        "PATH": f"{Path(sys.executable).parent}:{PLAIN['PATH']}",
        "LOCKSIDE_SOCKET": str(daemon.socket),
    }
    return subprocess.run(["sh", "-c", text], capture_output=True, text=True, check=False, env=environment)


def load(wire: Wire, text: str) -> None:
    """Make the pipeline's load run this shell text."""
    put_component(wire, "shop.transform", shell=text)
    put_config(wire, "shop.transform", "daily", configuration={})


def test_every_recipe_is_tested_here() -> None:
    assert len(RECIPES) == 6


def test_a_run_from_cron_prints_nothing_and_is_skipped_while_one_runs(
    daemon: Daemon, wire: Wire, gate: Gate
) -> None:
    load(wire, gate.text)
    line = recipe("sh", "by=cron")

    def jobs_after_a_run() -> list[Message]:
        ran = shell(daemon, line)
        assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
        found: list[Message] = wire.call("job.list", labels={"by": "cron"})["jobs"]
        return found

    (first,) = jobs_after_a_run()
    until_running(wire, first)
    assert [job["id"] for job in jobs_after_a_run()] == [first["id"]]
    gate.open()
    assert wire.done(first)["status"] == "success"
    assert len(jobs_after_a_run()) == 2


def airflow(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return the function of the recipe, with as much of Airflow as it needs."""
    failed = type("AirflowException", (Exception,), {})
    monkeypatch.setitem(sys.modules, "airflow", SimpleNamespace())
    monkeypatch.setitem(sys.modules, "airflow.exceptions", SimpleNamespace(AirflowException=failed))
    monkeypatch.setenv("LOCKSIDE_SOCKET", str(daemon.socket))
    names: dict[str, Any] = {}
    exec(recipe("python", "airflow"), names)
    return names["load"], failed


def test_the_airflow_task_ends_as_its_job_does(
    daemon: Daemon, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    task, failed = airflow(daemon, monkeypatch)
    load(wire, "echo the source is empty >&2; exit 1")
    with pytest.raises(failed, match="the source is empty"):
        task(ds="2026-01-31", ti=SimpleNamespace(try_number=1))
    load(wire, "true")
    before = wire.call("job.list", component="shop.transform", count=True)["total"]
    for _ in range(2):
        task(ds="2026-01-31", ti=SimpleNamespace(try_number=2))
    assert wire.call("job.list", component="shop.transform", count=True)["total"] == before + 1


def test_a_script_waits_for_the_nightly_load(daemon: Daemon, wire: Wire, gate: Gate) -> None:
    text = recipe("sh", "lockside wait")
    load(wire, "true")
    wire.done(wire.create("shop.transform", config="daily"))
    assert shell(daemon, text).stdout.endswith("the load is there\n")
    load(wire, "echo no space left >&2; exit 3")
    wire.done(wire.create("shop.transform", config="daily"))
    assert "no space left" in shell(daemon, text).stderr
    load(wire, gate.text)
    wire.create("shop.transform", config="daily")
    assert shell(daemon, text.replace("2h", "0.1s")).stderr.endswith("the load is late\n")


def test_a_script_can_react_to_failures(daemon: Daemon, wire: Wire) -> None:
    load(wire, "echo broken >&2; exit 1")
    environment = {**PLAIN, "LOCKSIDE_SOCKET": str(daemon.socket)}
    text = recipe("python", "client.events").replace("client.events(", "client.events(after=0, ")
    with subprocess.Popen(
        [sys.executable, "-c", text], stdout=subprocess.PIPE, text=True, env=environment
    ) as watcher:
        assert watcher.stdout is not None
        wire.done(wire.create("shop.transform", config="daily"))
        told = next(line for line in watcher.stdout if "broken" in line)
        watcher.kill()
    assert told == "shop.transform/daily: broken\n"


@pytest.mark.parametrize("language", ["sh", "python"])
def test_a_component_reports_its_progress(wire: Wire, language: str) -> None:
    text = recipe(language, "LOCKSIDE_PROGRESS_FD")
    command = ["sh", "-c", text] if language == "sh" else [sys.executable, "-c", f"{text}\nreport(400, 1000)"]
    put_component(wire, f"progress.{language}", command=command)
    ended = wire.done(wire.create(f"progress.{language}"))
    assert of(ended, "status", "progress") == ("success", 0.4)
    assert ended["result"]["counts"]["success"] == 400
