"""A rerun that resumes an earlier run: successful parts are carried over, down to single rows."""

import re
import sys
from pathlib import Path
from subprocess import run
from typing import Any

import pytest

from e2e.harness import Daemon
from e2e.wire import Refusal, Wire, put_component, put_config

ROWS = ("a", "b", "c", "d", "e")


@pytest.fixture
def mended(place: Path) -> Path:
    """A file whose presence repairs what fails."""
    return place / "mended"


def put_flights(wire: Wire, name: str, mended: Path, **runtime: Any) -> None:
    """Store a configuration of five rows, of which `c` fails until repaired. Each state counts the runs."""
    text = (
        'n=$(cat "$KBC_DATADIR/in/state.json" | tr -dc 0-9); n=$((${n:-0} + 1)); '
        'echo "{\\"runs\\": $n}" > "$KBC_DATADIR/out/state.json"; echo "ran $KBC_CONFIGROWID"; '
        f'[ "$KBC_CONFIGROWID" != c ] || [ -e {mended} ] || {{ echo no runway >&2; exit 1; }}'
    )
    put_component(wire, name, shell=text)
    put_config(wire, name, "rows", rows=[{"id": row} for row in ROWS], configuration={"runtime": runtime})


def put_nightly(wire: Wire, flights: str, later: str) -> None:
    put_component(wire, later, command=["true"])
    put_config(wire, later, "c")
    tasks = [
        {"id": "other", "phase": "extract", "task": {"component": later, "config": "c"}},
        {"id": "flights", "phase": "extract", "task": {"component": flights, "config": "rows"}},
        {"id": "load", "phase": "load", "task": {"component": later, "config": "c"}},
    ]
    phases = [{"id": "extract"}, {"id": "load", "dependsOn": ["extract"]}]
    body = {"phases": phases, "tasks": tasks}
    put_config(wire, "lockside.orchestrator", flights, configuration=body)


def rows_of(wire: Wire, job: Any) -> list[str]:
    """Return the rows that ran in a job or anywhere below it."""
    below = wire.call("job.list", runIdPrefix=job["runId"], limit=100, order="asc")["jobs"]
    texts = "".join(wire.text(one) for one in below if one["starts"] and one["workPath"])
    return sorted(line.removeprefix("ran ") for line in texts.splitlines() if line.startswith("ran "))


@pytest.mark.parametrize("parallelism", [2, None], ids=["in parallel", "in sequence"])
def test_an_orchestration_is_resumed_with_its_remaining_rows_and_phases(
    wire: Wire, mended: Path, parallelism: int | None
) -> None:
    name = f"resume.flights{parallelism or 1}"
    put_flights(wire, name, mended, parallelism=parallelism)
    put_nightly(wire, name, f"{name}.later")
    first = wire.done(wire.create("lockside.orchestrator", config=name))
    assert first["status"] == "error"
    left = ["c"] if parallelism else ["c", "d", "e"]
    plan = wire.call("job.retry", id=first["id"], resume=True, dryRun=True)["plan"]
    told = {task["id"]: (task["action"], task["rows"]) for phase in plan["phases"] for task in phase["tasks"]}
    assert told == {"other": ("carry", []), "flights": ("run", left), "load": ("run", [])}
    mended.touch()
    again = wire.done(wire.call("job.retry", id=first["id"], resume=True))
    assert (again["status"], again["retryOfJobId"]) == ("success", first["id"])
    assert rows_of(wire, again) == left
    states = [wire.call("state.get", component=name, config="rows", row=row)["state"] for row in ROWS]
    assert states == [{"runs": 1}] * 5


def test_a_configuration_with_rows_resumes_an_earlier_job(wire: Wire, mended: Path) -> None:
    put_flights(wire, "resume.rows", mended, parallelism=5)
    first = wire.done(wire.create("resume.rows", config="rows"))
    mended.touch()
    asked = {"config": "rows", "previousJobId": first["uuid"]}
    again = wire.done(wire.create("resume.rows", **asked))
    assert (again["status"], again["configRowIds"], rows_of(wire, again)) == ("success", ["c"], ["c"])
    wire.call("job.retry", id=first["id"], resume=True, dryRun=True)
    done = wire.done(wire.call("job.retry", id=first["id"], resume=True))
    assert done["status"] == "success"
    with pytest.raises(Refusal, match=r"all rows of job \d+ ended well: nothing is left to run"):
        wire.call("job.create", component="resume.rows", **asked)


def test_a_resumed_job_without_rows_and_tasks_runs_again_completely(wire: Wire) -> None:
    first = wire.done(wire.shell("exit 3"))
    again = wire.done(wire.call("job.retry", id=first["id"], resume=True))
    assert (again["status"], again["retryOfJobId"]) == ("error", first["id"])
    with pytest.raises(Refusal, match="ran no rows"):
        wire.call(
            "job.create",
            component="lockside.command",
            configData={"parameters": {"shell": "true"}},
            previousJobId=first["id"],
        )


def test_the_cause_of_a_failed_container_is_printed_without_a_terminal(
    daemon: Daemon, wire: Wire, mended: Path
) -> None:
    put_flights(wire, "resume.told", mended, parallelism=5)
    put_nightly(wire, "resume.told", "resume.told.later")
    command = [sys.executable, "-m", "lockside.cli.main", "--socket", str(daemon.socket)]
    asked = [*command, "run", "--wait", "lockside.orchestrator/resume.told"]
    ran = run(asked, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 1
    assert re.search(r"cause: resume\.told/rows#c \(job \d+\): no runway\. See: lockside show", ran.stderr)


def failures(wire: Wire, **more: Any) -> set[str]:
    found = wire.call("job.list", status=["error", "terminated"], unresolved=True, limit=1000, **more)["jobs"]
    return {job["id"] for job in found}


def test_a_failure_settled_by_a_retry_is_not_open(wire: Wire, mended: Path) -> None:
    put_flights(wire, "resume.open", mended, parallelism=5)
    put_nightly(wire, "resume.open", "resume.open.later")
    first = wire.done(wire.create("lockside.orchestrator", config="resume.open"))
    below = wire.call("job.list", runIdPrefix=first["runId"], status=["error"], limit=100)["jobs"]
    assert {job["id"] for job in below} <= failures(wire)
    failed_again = wire.done(wire.call("job.retry", id=first["id"], resume=True))
    assert {first["id"], failed_again["id"]} <= failures(wire)
    mended.touch()
    wire.done(wire.call("job.retry", id=first["id"], resume=True))
    family = {first["id"], failed_again["id"], *(job["id"] for job in below)}
    assert not family & failures(wire)


def test_a_failed_attempt_of_a_successful_job_is_not_an_open_failure(wire: Wire, place: Path) -> None:
    text = f"[ -e {place}/tried ] || {{ touch {place}/tried; exit 3; }}"
    job = wire.done(wire.shell(text, retry={"maxAttempts": 2}))
    assert job["status"] == "success"
    attempts = wire.call("job.list", runIdPrefix=job["runId"], status=["error"])["jobs"]
    assert len(attempts) == 1
    assert attempts[0]["id"] not in failures(wire)
