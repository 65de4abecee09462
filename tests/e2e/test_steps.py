"""Runs of several steps: processors around a component, rows one after another, logs, outputs, limits."""

import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from campaign.faults import alive_for
from e2e.harness import Daemon, python
from e2e.signs import Ear, Gate
from e2e.wire import Refusal, Wire, put_component, put_config

NAMES = """
import json, os, pathlib, sys
data = pathlib.Path(os.environ["KBC_DATADIR"])
config = json.loads((data / "config.json").read_text())
state = data / "in/state.json"
print("step", os.environ["KBC_COMPONENTID"], os.environ.get("KBC_CONFIGROWID", "-"), flush=True)
trail = data / "in/files/trail"
text = trail.read_text() if trail.exists() else ""
(data / "out/files/trail").write_text(text + config["parameters"].get("mark", "?"))
(data / "out/state.json").write_text(json.dumps({"by": config["parameters"].get("mark")}))
"""
ROWS = """
import json, os, pathlib, sys
data = pathlib.Path(os.environ["KBC_DATADIR"])
parameters = json.loads((data / "config.json").read_text())["parameters"]
for number in range(parameters["lines"]):
    print("row", os.environ["KBC_CONFIGROWID"], number, flush=True)
(data / "out/tables/kept.csv").write_text("a\\n1\\n")
(data / "out/tables/kept.csv.manifest").write_text('{"write_always": true}')
(data / "out/tables/lost.csv").write_text("a\\n1\\n")
(data / "out/usage.json").write_text(json.dumps([{"metric": "lines", "value": parameters["lines"]}]))
report = {"counts": {"success": parameters["lines"], "error": parameters.get("bad", 0)}}
os.write(int(os.environ["LOCKSIDE_PROGRESS_FD"]), (json.dumps(report) + "\\n").encode())
sys.exit(parameters.get("code", 0))
"""


def test_processors_run_before_and_after_the_component_with_their_own_parameters(wire: Wire) -> None:
    put_component(wire, "chain.main", command=python(NAMES))
    put_component(wire, "chain.pr", type="processor", command=python(NAMES))

    def processor(mark: str) -> dict[str, object]:
        return {"definition": {"component": "chain.pr"}, "parameters": {"mark": mark}}

    processors = {"before": [processor("a")], "after": [processor("c"), processor("d")]}
    put_config(
        wire,
        "chain.main",
        "one",
        configuration={"parameters": {"mark": "b"}, "processors": processors},
    )
    job = wire.done(wire.create("chain.main", config="one"))
    assert job["status"] == "success", job["message"]
    assert wire.text(job).splitlines() == [f"step chain.{name} -" for name in ("pr", "main", "pr", "pr")]
    (trail,) = job["result"]["output"]["files"]
    assert (Path(job["workPath"]) / trail["path"]).read_text() == "abcd"
    state = wire.call("state.get", component="chain.main", config="one")
    assert state["state"] == {"by": "b"}, "the state of a processor is not saved"
    assert job["starts"] == 1


def rows(wire: Wire, component: str, *parameters: dict[str, object]) -> None:
    put_component(wire, component, command=python(ROWS))
    put_config(
        wire,
        component,
        "rows",
        rows=[
            {"id": f"r{number}", "configuration": {"parameters": one}}
            for number, one in enumerate(parameters)
        ],
    )


def test_the_log_of_a_row_contains_the_frames_that_it_wrote(wire: Wire) -> None:
    rows(wire, "rows.log", {"lines": 3}, {"lines": 0}, {"lines": 2})
    job = wire.done(wire.create("rows.log", config="rows"))
    assert job["status"] == "success", job["message"]
    expected = [[f"row r{row} {number}" for number in range(lines)] for row, lines in enumerate((3, 0, 2))]
    for number, lines in enumerate(expected):
        page = wire.call("job.log", id=job["id"], row=f"r{number}")
        assert "".join(frame["text"] for frame in page["frames"]).splitlines() == lines
        assert page["isComplete"]
    assert wire.text(job).splitlines() == [line for lines in expected for line in lines]
    refused = wire.refused("job.log", id=job["id"], row="r9")
    assert (refused.kind, refused.data["path"]) == ("not_found", "$.row")


def test_a_row_can_be_followed_from_before_its_start_to_its_end(
    wire: Wire, gates: Callable[[str], Gate], ear: Ear
) -> None:
    gate, last = gates("first"), gates("third")
    text = f"""
import os, subprocess
row = os.environ["KBC_CONFIGROWID"]
print("hello", row, flush=True)
if row == "first":
    open({str(ear.path)!r}, "w").write("ready\\n")
    subprocess.run({gate.text!r}, shell=True, check=True)
if row == "third":
    subprocess.run({last.text!r}, shell=True, check=True)
"""
    put_component(wire, "follow", command=python(text))
    put_config(wire, "follow", "rows", rows=[{"id": "first"}, {"id": "second"}, {"id": "third"}])
    job = wire.create("follow", config="rows")
    assert ear.hear() == "ready"
    first = wire.call("job.log", id=job["id"], row="first", waitSeconds=20)
    assert (len(first["frames"]), first["isComplete"]) == (1, False)
    asked = wire.ask("job.log", id=job["id"], row="second", waitSeconds=60)
    gate.open()
    page = wire.answer(asked)
    assert [frame["text"] for frame in page["frames"]] == ["hello second\n"]
    if not page["isComplete"]:
        page = wire.call("job.log", id=job["id"], row="second", offset=page["nextOffset"], waitSeconds=60)
        assert (page["frames"], page["isComplete"]) == ([], True)
    assert wire.get(job["id"])["status"] == "processing", "the third row still runs"
    last.open()
    assert wire.done(job)["status"] == "success"


def test_the_first_failed_row_ends_the_job_and_names_those_that_did_not_run(wire: Wire) -> None:
    rows(wire, "rows.fail", {"lines": 1}, {"lines": 2, "code": 2}, {"lines": 5})
    job = wire.done(wire.create("rows.fail", config="rows"))
    assert (job["status"], job["result"]["error"]["type"]) == ("error", "application")
    assert "Rows that did not run: r2" in job["message"]
    assert job["usageData"] == [{"metric": "lines", "value": 1}, {"metric": "lines", "value": 2}]
    tables = [(table["name"], table["path"]) for table in job["result"]["output"]["tables"]]
    assert tables == [
        ("kept.csv", "rows/r0/out/tables/kept.csv"),
        ("lost.csv", "rows/r0/out/tables/lost.csv"),
        ("kept.csv", "rows/r1/out/tables/kept.csv"),
    ], "of the failed row only what is written always"
    page = wire.call("job.log", id=job["id"], row="r2")
    assert (page["frames"], page["isComplete"]) == ([], True)


@pytest.mark.parametrize(
    ("rule", "status", "retriable"),
    [
        (None, "success", True),
        ("success", "success", True),
        ("warning", "warning", True),
        ("error", "error", True),
    ],
)
def test_failed_records_count_as_the_request_says(
    wire: Wire, rule: str | None, status: str, retriable: bool
) -> None:
    rows(wire, "rows.records", {"lines": 3, "bad": 1}, {"lines": 4})
    asked = {} if rule is None else {"onRecordErrors": rule}
    job = wire.done(wire.create("rows.records", config="rows", **asked))
    assert (job["status"], job["retriable"]) == (status, retriable)
    assert job["onRecordErrors"] == (rule or "success")
    if rule != "error":
        assert job["result"]["counts"] == {"success": 7, "error": 1, "ignored": 0}


def test_the_time_limit_covers_all_steps_together_and_excludes_pauses(
    wire: Wire, ear: Ear, gate: Gate
) -> None:
    text = f"""
import os, subprocess
row = os.environ["KBC_CONFIGROWID"]
if row == "first":
    open({str(ear.path)!r}, "w").write("ready\\n")
    subprocess.run({gate.text!r}, shell=True, check=True)
else:
    subprocess.run(["sleep", "60"])
"""
    put_component(wire, "limited", command=python(text))
    put_config(wire, "limited", "rows", rows=[{"id": "first"}, {"id": "second"}])
    job = wire.create("limited", config="rows", limits={"timeoutSeconds": 4})
    assert ear.hear() == "ready"
    wire.call("job.pause", id=job["id"])
    waiter = wire.call("job.wait", id=job["id"], timeoutSeconds=5)
    assert waiter["status"] == "processing", "it was stopped while it was paused"
    gate.open()
    wire.call("job.resume", id=job["id"])
    ended = wire.done(job)
    assert (ended["status"], ended["result"]["error"]["kind"]) == ("error", "timeout")
    assert wire.call("job.log", id=job["id"], row="second")["isComplete"]
    assert 3.5 <= ended["durationSeconds"] <= 30


def test_a_step_continues_while_the_daemon_is_down_and_the_next_starts_after_its_return(
    fresh: Callable[..., Daemon], gate: Gate, ear: Ear
) -> None:
    text = f"""
import os, subprocess
row = os.environ["KBC_CONFIGROWID"]
open({str(ear.path)!r}, "w").write(row + "\\n")
if row == "first":
    subprocess.run({gate.text!r}, shell=True, check=True)
print("ran", row)
"""
    daemon = fresh()
    wire = daemon.wire()
    put_component(wire, "away", command=python(text))
    put_config(wire, "away", "rows", rows=[{"id": "first"}, {"id": "second"}, {"id": "third"}])
    job = wire.create("away", config="rows")
    assert ear.hear() == "first"
    daemon.kill()
    gate.open()
    daemon.start()
    wire = daemon.wire()
    ended = wire.done(job)
    assert (ended["status"], ended["starts"]) == ("success", 1)
    assert [ear.hear(), ear.hear()] == ["second", "third"]
    assert wire.text(ended) == "ran first\nran second\nran third\n"
    assert wire.text(ended, row="second") == "ran second\n"


def test_no_output_and_no_frame_is_lost_however_often_the_daemon_is_killed(
    fresh: Callable[..., Daemon],
) -> None:
    seed = int(os.environ.get("LOCKSIDE_TEST_SEED") or random.SystemRandom().randrange(10**6))
    print(f"LOCKSIDE_TEST_SEED={seed}")
    dice = random.Random(seed)
    daemon = fresh()
    wire = daemon.wire()
    put_component(wire, "often.main", command=python(NAMES))
    put_component(wire, "often.pr", type="processor", command=python(NAMES))
    after = [{"definition": {"component": "often.pr"}, "parameters": {"mark": mark}} for mark in "cd"]
    rows = [{"id": f"r{number}", "configuration": {"parameters": {"mark": "b"}}} for number in range(4)]
    put_config(wire, "often.main", "rows", configuration={"processors": {"after": after}}, rows=rows)
    job = wire.create("often.main", config="rows")
    for _ in range(10):
        alive_for(daemon, dice.uniform(0.0, 0.2))
        daemon.kill()
        daemon.start()
    wire = daemon.wire()
    ended = wire.done(job)
    assert (ended["status"], ended["starts"]) == ("success", 1)
    trails = [Path(ended["workPath"]) / one["path"] for one in ended["result"]["output"]["files"]]
    assert [trail.read_text() for trail in trails] == ["bcd"] * 4
    for number in range(4):
        lines = wire.text(ended, row=f"r{number}").splitlines()
        assert lines == [f"step often.{name} r{number}" for name in ("main", "pr", "pr")]


def test_a_log_request_for_a_missing_row_says_so(wire: Wire) -> None:
    job = wire.done(wire.shell("true"))
    with pytest.raises(Refusal):
        wire.text(job, row="any")
