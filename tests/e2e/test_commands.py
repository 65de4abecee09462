"""Commands for the methods of the wire, run against a real daemon."""

import json
import re
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from transcripts.recording import Terminal, terminal

SCRIPT = """\
import json, os, sys
data = os.environ["KBC_DATADIR"]
config = json.load(open(data + "config.json"))
if config["action"] == "ask":
    print(json.dumps(config["parameters"]))
    sys.exit()
state = json.load(open(data + "in/state.json"))
json.dump({"n": state.get("n", 0) + 1}, open(data + "out/state.json", "w"))
if config["parameters"].get("fails"):
    sys.exit("the source is down")
"""
ORCHESTRATION = """\
[[phases]]
id = "load"
[[tasks]]
id = "good"
phase = "load"
task = { component = "ex.table", config = "daily" }
[[tasks]]
id = "bad"
phase = "load"
[tasks.task]
component = "ex.table"
config = "daily"
variableValuesData = { values = [{ name = "fails", value = 1 }] }
"""


@pytest.fixture
def at() -> Iterator[Terminal]:
    with terminal() as made:
        folder = made.home / "p"
        for name in ("components", "configs/ex.table", "configs/lockside.orchestrator"):
            (folder / name).mkdir(parents=True)
        (folder / "table.py").write_text(SCRIPT)
        (folder / "components/ex.table.toml").write_text(
            f'command = ["{sys.executable}", "../table.py"]\nactions = ["ask"]\n'
        )
        (folder / "configs/ex.table/daily.toml").write_text(
            '[parameters]\nfails = "{{ fails }}"\n[variables]\nfails = ""\n'
            '[[rows]]\nid = "eu"\nparameters = { zone = "eu" }\n'
        )
        (folder / "configs/lockside.orchestrator/nightly.toml").write_text(ORCHESTRATION)
        made.type("lockside start; lockside apply p")
        yield made


def json_of(at: Terminal, command: str) -> Any:
    return json.loads(at.type(f"lockside --json {command}", columns=1900))


def ids(at: Terminal, filters: str) -> list[str]:
    return at.type(f"lockside ls {filters} | cut -f1").split()


def test_a_word_that_is_no_component_gets_the_likely_one_or_the_command_of_that_name(at: Terminal) -> None:
    typed = at.type("lockside run ex.tabel/daily; lockside run --wait true").split()
    assert "Did you mean 'ex.table/daily'?" in " ".join(typed)
    assert "To run the program of that name: lockside run -- true" in " ".join(typed)


def test_state_action_plan_and_copy_commands_work(at: Terminal) -> None:
    at.type("lockside run --wait ex.table/daily")
    assert json_of(at, "state show ex.table/daily --row eu")["state"] == {"n": 1}
    assert "starts from the beginning" in at.type("lockside state reset ex.table/daily --row eu")
    assert json.loads(at.type("lockside state show ex.table/daily --row eu")) == {}
    asked = json_of(at, "action ex.table/daily ask --row eu --set fails=no")
    assert asked == {"fails": "no", "zone": "eu"}
    at.type("""echo '{"parameters": {"x": 1}}' > one.json""")
    assert json_of(at, "action ex.table ask --data one.json") == {"x": 1}
    assert re.search(r"load +bad +run ", at.type("lockside orchestration plan nightly"))
    assert "is stored as version 1" in at.type("lockside config copy ex.table/daily weekly")
    assert "ex.table/weekly" in at.type("lockside config ls")


def test_lists_show_root_jobs_and_failures_stay_open_until_acknowledged(at: Terminal) -> None:
    at.type("lockside run --wait lockside.orchestrator/nightly --name whole")
    (root,) = ids(at, "--text whole")
    assert len(ids(at, f"--parent {root}")) == 1
    listed = ids(at, "")
    everything = ids(at, "--children --all")
    assert root in listed
    assert set(listed) < set(everything)
    assert len(everything) == len(listed) + 3, "a phase and two tasks"
    assert root in ids(at, "--failed")
    assert f"{root}" not in ids(at, "--failed --acknowledged")
    assert "lockside ls --failed" in at.type("lockside status")
    assert "error" in at.type(f"lockside ack {root} --comment 'it was down'")
    assert root not in ids(at, "--failed")
    assert root in ids(at, "--failed --acknowledged")
    assert "acknowledged, by ann: it was down" in at.type(f"lockside show {root}")
    assert "failed within a day" not in at.type("lockside status")
    at.type(f"lockside ack --undo {root}")
    assert root in ids(at, "--failed")
    completed = at.type("lockside __complete -- ack '' | cut -f1").split()
    assert completed == ids(at, "--failed")


def test_a_rerun_of_failed_tasks_is_planned_and_run_from_the_command_line(at: Terminal) -> None:
    at.type("lockside run --wait lockside.orchestrator/nightly --name first")
    planned = at.type("lockside orchestration plan nightly --previous first")
    assert re.search(r"good +carry ", planned)
    only = json_of(at, "run --wait lockside.orchestrator/nightly --task good")
    assert only["status"] == "success"
    again = json_of(at, "run --wait lockside.orchestrator/nightly --previous first")
    (phase,) = ids(at, f"--parent {again['id']}")
    assert len(ids(at, f"--parent {phase}")) == 1, "successful tasks are carried over"


def test_jobs_are_annotated_hidden_and_removed(at: Terminal) -> None:
    job = at.type("lockside run -d -- true")
    at.until(f"ended {job}")
    at.type(f"lockside annotate {job} --name noted --label team=data")
    assert ids(at, "--label team=data") == [job]
    at.type(f"lockside hide {job}")
    assert ids(at, "--label team=data") == []
    assert ids(at, "--hidden --label team=data") == ids(at, "--with-hidden --label team=data") == [job]
    assert f'"id": "{job}"' in at.type("lockside call job.list visible=null fields='[]'")
    at.type(f"lockside annotate {job} --name ''")
    assert '"name": null' in at.type(f"lockside call job.get id={job}")
    at.type(f"lockside unhide {job}")
    assert "confirm with --yes" in at.type(f"lockside purge {job} | cat")
    assert "is removed" in at.type(f"lockside purge --yes {job}")
    assert ids(at, "--label team=data") == []


def test_a_script_reports_progress_and_any_method_can_be_called(at: Terminal) -> None:
    at.type("lockside run --wait -- lockside report 0.4 half")
    assert json_of(at, """call job.get id=1 fields='["progress"]'""")["progress"] == 0.4
    assert "There is no job here" in at.type("lockside report 0.5")
    listed = json_of(at, """call job.list '{"fields": ["id"]}' onlyRoots=true""")
    assert listed["jobs"] == [{"id": "1"}]
    assert "no setting has changed" in at.type("lockside reload")
    assert re.search(r"success +\d", at.type("lockside stats --by status"))


def test_a_run_for_cron_is_silent_and_is_skipped_while_one_runs_or_waits(at: Terminal) -> None:
    at.type("mkfifo gate; lockside run -d --name nightly -- sh -c 'read x < gate'")
    running = ids(at, "--text nightly --running")
    assert at.type("lockside run -dq --name nightly --skip-if-running -- true; echo $?") == "0"
    assert "skipped: nightly" in at.type("lockside run --name nightly --skip-if-running -- true")
    assert ids(at, "--text nightly --active") == running
    waits = at.type("lockside run -d --hold --name nightly --skip-if-waiting -- true")
    assert at.type("lockside run -dq --name nightly --skip-if-waiting -- true") == ""
    assert ids(at, "--text nightly --waiting") == [waits]
    assert "need --name for a command" in at.type("lockside run --skip-if-running -- true")
    at.type(f"echo > gate; lockside kill {waits}")
    assert at.type("lockside run -dq nothing.there") != "", "errors are printed"
