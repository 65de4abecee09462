"""An unused value for a variable: a warning where a job is created, an error where a user typed it."""

import sys
from subprocess import CompletedProcess, run

import pytest

from e2e.harness import Daemon
from e2e.wire import Wire, put_component, put_config


@pytest.fixture
def paced(wire: Wire) -> Wire:
    """A connection to a daemon with a configuration that uses one variable."""
    put_component(wire, "unused.main", command=["true"])
    body = {"parameters": {"pace": "{{ pace }}"}, "variables": {"pace": "1"}}
    put_config(wire, "unused.main", "c", configuration=body)
    return wire


def values(**given: str) -> dict[str, object]:
    return {"values": [{"name": name, "value": value} for name, value in given.items()]}


def lockside(daemon: Daemon, *words: str) -> CompletedProcess[str]:
    command = [sys.executable, "-m", "lockside.cli.main", "--socket", str(daemon.socket), *words]
    return run(command, capture_output=True, text=True, timeout=60, check=False)


def test_an_unused_value_is_a_warning_in_the_answer(paced: Wire) -> None:
    given = values(pace="2", paec="9")
    job = paced.create("unused.main", config="c", variableValuesData=given)
    path = "$.variableValuesData.values[1]"
    assert job["warnings"] == [f"{path}: no {{{{ paec }}}} in unused.main/c; did you mean pace?"]
    good = paced.create("unused.main", config="c", variableValuesData=values(pace="2"))
    assert not good.get("warnings")
    paced.done(job)
    paced.done(good)


def test_an_orchestration_with_a_value_that_no_task_uses_is_a_warning(paced: Wire) -> None:
    task = {"component": "unused.main", "config": "c", "variableValuesData": values(pace="{{ speed }}")}
    body = {
        "phases": [{"id": "p"}],
        "tasks": [{"id": "t", "phase": "p", "task": task}],
        "variables": {"speed": "3"},
    }
    put_config(paced, "lockside.orchestrator", "unused", configuration=body)
    asked = {"component": "lockside.orchestrator", "config": "unused", "dryRun": True}
    used = paced.call("job.create", **asked, variableValuesData=values(speed="4"))
    unused = paced.call("job.create", **asked, variableValuesData=values(other="4"))
    assert not used.get("warnings")
    (warning,) = unused["warnings"]
    assert warning.endswith("no {{ other }} in lockside.orchestrator/unused")


def test_a_value_that_a_task_inherits_counts_as_used(paced: Wire) -> None:
    task = {"component": "unused.main", "config": "c"}
    body = {"phases": [{"id": "p"}], "tasks": [{"id": "t", "phase": "p", "task": task}]}
    put_config(paced, "lockside.orchestrator", "inherited", configuration=body)
    asked = {"component": "lockside.orchestrator", "config": "inherited", "dryRun": True}
    assert not paced.call("job.create", **asked, variableValuesData=values(pace="4")).get("warnings")
    (warning,) = paced.call("job.create", **asked, variableValuesData=values(paec="4"))["warnings"]
    assert warning.endswith("no {{ paec }} in lockside.orchestrator/inherited; did you mean pace?")


def test_the_command_line_refuses_an_unused_value_and_creates_no_job(daemon: Daemon, paced: Wire) -> None:
    before = paced.call("job.list", count=True, limit=1)["total"]
    ran = lockside(daemon, "run", "unused.main/c", "--set", "paec=9")
    assert (ran.returncode, "no {{ paec }} in unused.main/c; did you mean pace?\n" in ran.stderr) == (2, True)
    assert paced.call("job.list", count=True, limit=1)["total"] == before
    good = lockside(daemon, "run", "unused.main/c", "--set", "pace=9", "--wait")
    assert good.returncode == 0


def test_a_value_that_a_template_itself_uses_counts_as_used(daemon: Daemon, paced: Wire) -> None:
    job = {"component": "unused.main", "config": "c", "name": "of {{ day }}"}
    paced.call("template.put", template={"id": "daily", "values": [{"name": "day"}], "job": job})
    ran = lockside(daemon, "run", "--template", "daily", "--set", "day=monday", "--wait")
    assert ran.returncode == 0, ran.stderr
