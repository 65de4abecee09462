"""What a component finds when it starts, and which of its files are used afterwards."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from e2e.harness import python
from e2e.signs import Gate
from e2e.wire import Message, Wire, of, put_component, put_config, until_running

DUMP = """
import json, os, sys
data = sys.argv[1]
seen = {
    "argv": sys.argv[1:], "cwd": os.getcwd(), "cwd_empty": os.listdir("."), "env": dict(os.environ),
    "stdin": sys.stdin.read(), "uid": os.getuid(), "modes": {}, "files": {},
    "config": json.load(open(data + "config.json")), "state": json.load(open(data + "in/state.json")),
    "devices": sorted({os.stat(data + one).st_dev for one in ("in", "out", "in/files", "out/tables")}),
}
for folder in (
    "", "in", "in/tables", "in/files", "in/user", "out", "out/tables", "out/files",
    "artifacts/in", "artifacts/out",
):
    seen["modes"][folder] = [os.path.isdir(data + folder), os.access(data + folder, os.W_OK)]
seen["top"] = oct(os.stat(os.path.dirname(data.rstrip("/"))).st_mode)[-3:]
seen["tmp"] = [os.path.isdir(os.environ["TMPDIR"]), os.access(os.environ["TMPDIR"], os.W_OK)]
print(json.dumps(seen))
"""


def writes(files: dict[str, str], then: str = "") -> list[str]:
    text = "import os, sys\nd = os.environ['KBC_DATADIR']\n"
    for name, content in files.items():
        text += f"os.makedirs(os.path.dirname(d + {name!r}), exist_ok=True)\n"
        text += f"open(d + {name!r}, 'w').write({content!r})\n"
    return python(text + then)


@pytest.fixture(scope="module")
def dumped(daemon: Any) -> tuple[Message, Message]:
    """Return what a component saw, and its job."""
    with Wire(daemon.socket) as wire:
        put_component(
            wire,
            "acme.dump",
            command=python(DUMP, "{datadir}", "--data={datadir}x"),
            environment={"OWN": "of the component"},
            imageParameters={"image": 1, "#key": "hush-hush-1"},
        )
        put_config(
            wire,
            "acme.dump",
            "daily",
            configuration={
                "parameters": {"since": "yesterday", "#token": "secret-token"},
                "storage": {"input": {"tables": []}},
                "runtime": {},
                "processors": {},
                "authorization": {"oauth": {"a": 1}},
            },
        )
        job = wire.done(wire.create("acme.dump", config="daily"))
        assert job["status"] == "success", job["result"]
        return json.loads(wire.text(job)), job


def test_the_folders_are_there_and_writable_on_one_file_system(dumped: tuple[Message, Message]) -> None:
    seen, _ = dumped
    assert all(both == [True, True] for both in seen["modes"].values()), seen["modes"]
    assert seen["tmp"] == [True, True]
    assert len(seen["devices"]) == 1
    assert seen["stdin"] == ""
    assert seen["cwd_empty"] == []


def test_the_placeholder_is_replaced_by_an_absolute_path_that_ends_in_a_slash(
    dumped: tuple[Message, Message],
) -> None:
    seen, job = dumped
    data = seen["argv"][0]
    assert data == seen["env"]["KBC_DATADIR"] == job["workPath"] + "/data/"
    assert seen["argv"][1] == f"--data={data}x"


def test_config_json_contains_what_a_component_may_see(dumped: tuple[Message, Message]) -> None:
    config = dumped[0]["config"]
    assert config["parameters"] == {"since": "yesterday", "#token": "[hidden]"}
    assert config["image_parameters"]["image"] == 1
    assert config["action"] == "run"
    assert config["storage"] == {"input": {"tables": []}}
    assert config["authorization"] == {"oauth": {"a": 1}}
    assert not {"runtime", "processors"} & config.keys()


def test_the_environment_is_the_common_interface_without_any_variable_of_the_daemon(
    dumped: tuple[Message, Message],
) -> None:
    seen, job = dumped
    env = seen["env"]
    assert {
        "KBC_RUNID": job["runId"],
        "KBC_PROJECTID": "default",
        "KBC_CONFIGID": "daily",
        "KBC_CONFIGVERSION": "1",
        "KBC_COMPONENTID": "acme.dump",
        "KBC_BRANCHID": "default",
        "KBC_COMPONENT_RUN_MODE": "run",
        "LOCKSIDE_JOB_ID": job["id"],
        "LOCKSIDE_RUN_ID": job["runId"],
        "OWN": "of the component",
        "LANG": "C.UTF-8",
    }.items() <= env.items()
    assert {"PATH", "HOME", "TMPDIR", "LOCKSIDE_SOCKET", "LOCKSIDE_PROGRESS_FD", "KBC_STACKID"} <= env.keys()
    assert not {name for name in env if name.startswith("LOCKSIDE_") and "__" in name}
    assert not {"NOTIFY_SOCKET", "KBC_TOKEN", "KBC_CONFIGROWID"} & env.keys()
    assert env["TMPDIR"] == job["workPath"] + "/tmp"


def test_inputs_are_removed_and_outputs_are_kept_at_the_end(wire: Wire) -> None:
    files = {
        "out/tables/t.csv": "a\n1\n",
        "out/files/f.bin": "x",
        "artifacts/out/model": "m",
        "in/files/scratch": "y",
    }
    put_component(wire, "acme.leaves", command=writes(files, "print('said')"))
    job = wire.done(wire.create("acme.leaves"))
    data = Path(job["workPath"]) / "data"
    assert (data / "out/tables/t.csv").read_text() == "a\n1\n"
    assert (data / "out/files/f.bin").exists()
    assert (data / "artifacts/out/model").exists()
    assert not (data / "config.json").exists()
    assert not (data / "in").exists()
    assert not (Path(job["workPath"]) / "tmp").exists()
    assert wire.text(job) == "said\n"


def test_the_result_lists_output_tables_and_their_manifests(wire: Wire) -> None:
    manifest = {
        "destination": "out.c-main.flights",
        "primary_key": ["id"],
        "incremental": True,
        "columns": ["id", "n"],
    }
    modern = {
        "manifest_type": "out",
        "has_header": True,
        "schema": [{"name": "id", "primary_key": True}],
        "unknown": 1,
    }
    files = {
        "out/tables/flights.csv": "1,2\n",
        "out/tables/flights.csv.manifest": json.dumps(manifest),
        "out/tables/planes": "id\n1\n",
        "out/tables/planes.manifest": json.dumps(modern),
        "out/tables/sliced/part-1": "1\n",
        "out/tables/sliced/part-2": "2\n",
        "out/tables/sliced.manifest": json.dumps({"columns": ["id"]}),
        "out/files/.hidden(1)": "x",
        "out/files/doc.pdf": "x",
        "out/files/doc.pdf.manifest": json.dumps({"tags": ["a"]}),
    }
    put_component(wire, "acme.tables", command=writes(files))
    job = wire.done(wire.create("acme.tables"))
    assert job["status"] == "success", job["result"]["error"]
    output = job["result"]["output"]
    assert len(output["tables"]) == 3
    assert len(output["files"]) == 2
    text = json.dumps(output)
    assert all(name in text for name in ("flights", "planes", "sliced", "doc.pdf", ".hidden(1)"))


def test_a_broken_manifest_is_reported_with_its_table(wire: Wire) -> None:
    put_component(
        wire, "acme.broken", command=writes({"out/tables/t.csv": "a", "out/tables/t.csv.manifest": "{"})
    )
    (table,) = wire.done(wire.create("acme.broken"))["result"]["output"]["tables"]
    assert "t.csv.manifest" in table["manifestProblem"]


def test_usage_json_of_a_failed_run_is_kept_as_well(wire: Wire) -> None:
    usage = '[{"metric": "rows", "value": 12}]'
    put_component(wire, "acme.usage", command=writes({"out/usage.json": usage}, "sys.exit(1)"))
    job = wire.done(wire.create("acme.usage"))
    assert of(job, "status", "usageData") == ("error", [{"metric": "rows", "value": 12}])
    put_component(wire, "acme.usage", command=writes({"out/usage.json": '{"rows": 1}'}))
    assert wire.done(wire.create("acme.usage"))["result"]["error"]["kind"] == "output"


# -- state


COUNT = """
import json, os, sys
d = os.environ["KBC_DATADIR"]
state = json.load(open(d + "in/state.json"))
print(json.dumps(state))
mode = json.load(open(d + "config.json"))["parameters"].get("mode")
if mode == "fail":
    json.dump({"n": -1}, open(d + "out/state.json", "w"))
    sys.exit(1)
if mode == "empty":
    open(d + "out/state.json", "w").close()
elif mode == "link":
    os.symlink("/etc/hostname", d + "out/state.json")
elif mode == "large":
    json.dump({"n": "x" * 2_000_000}, open(d + "out/state.json", "w"))
elif mode != "none":
    json.dump({"n": state.get("n", 0) + 1}, open(d + "out/state.json", "w"))
"""


@pytest.fixture
def counter(wire: Wire) -> Any:
    put_component(wire, "acme.count", command=python(COUNT))
    put_config(wire, "acme.count", "a")
    wire.call("state.reset", component="acme.count", config="a")

    def run(mode: str = "", **more: Any) -> tuple[Message, Any, Message]:
        put_config(wire, "acme.count", "a", configuration={"parameters": {"mode": mode}})
        job = wire.done(wire.create("acme.count", config="a", **more))
        return job, json.loads(wire.text(job)), wire.call("state.get", component="acme.count", config="a")

    return run


def test_the_state_of_a_run_is_passed_to_the_next_run(wire: Wire, counter: Any) -> None:
    before = wire.call("state.get", component="acme.count", config="a")
    assert before["state"] == {}
    assert [counter()[1] for _ in range(3)] == [{}, {"n": 1}, {"n": 2}]
    _, _, state = counter()
    assert state["state"] == {"n": 4}
    assert state["version"] > before["version"]
    saved = wire.events(kinds=["state.saved"])
    assert len(saved) >= 4


def test_a_failed_run_saves_no_state_and_a_run_without_a_state_file_clears_it(counter: Any) -> None:
    counter()
    job, _, state = counter("fail")
    assert (job["status"], state["state"]) == ("error", {"n": 1})
    job, _, state = counter("none")
    assert (job["status"], state["state"]) == ("success", {})
    counter()
    assert counter("empty")[2]["state"] == {}


def test_neither_debug_nor_config_data_without_a_configuration_saves_state(wire: Wire, counter: Any) -> None:
    counter()
    job, seen, state = counter(mode="")
    assert (seen, state["state"]) == ({"n": 1}, {"n": 2})
    debug = wire.done(wire.create("acme.count", config="a", mode="debug"))
    assert debug["status"] == "success"
    assert wire.call("state.get", component="acme.count", config="a")["state"] == {"n": 2}
    loose = wire.done(wire.create("acme.count", configData={"parameters": {}}))
    assert json.loads(wire.text(loose)) == {}
    assert wire.call("state.get", component="acme.count", config="a")["state"] == {"n": 2}
    assert job["status"] == "success"


@pytest.mark.parametrize("mode", ["link", "large"])
def test_a_state_that_is_a_link_or_too_large_is_an_output_error(counter: Any, mode: str) -> None:
    counter()
    job, _, state = counter(mode)
    assert state["state"] == {"n": 1}
    assert (job["status"], job["result"]["error"]["kind"]) == ("error", "output")


def test_state_can_be_reset(wire: Wire, counter: Any) -> None:
    counter()
    assert wire.call("state.reset", component="acme.count", config="a")["state"] == {}
    assert counter()[1] == {}


def test_rows_have_their_own_states_and_run_one_after_another(wire: Wire) -> None:
    put_component(wire, "acme.rows", command=python(COUNT))
    rows = [
        {"id": "r1"},
        {"id": "r2", "configuration": {"parameters": {"x": 1}}},
        {"id": "off", "isDisabled": True},
    ]
    put_config(wire, "acme.rows", "a", rows=rows)
    for expected in ("{}\n{}\n", '{"n": 1}\n{"n": 1}\n'):
        job = wire.done(wire.create("acme.rows", config="a"))
        assert (job["status"], wire.text(job)) == ("success", expected)
    only = wire.done(wire.create("acme.rows", config="a", configRowIds=["r2"]))
    assert wire.text(only) == '{"n": 2}\n'
    assert wire.call("state.get", component="acme.rows", config="a", row="r2")["state"] == {"n": 3}
    assert wire.call("state.get", component="acme.rows", config="a", row="r1")["state"] == {"n": 2}
    assert (
        wire.refused("job.create", component="acme.rows", config="a", configRowIds=["r9"]).data["path"]
        == "$.configRowIds[0]"
    )
    listed_though_disabled = wire.done(wire.create("acme.rows", config="a", configRowIds=["off"]))
    assert listed_though_disabled["status"] == "success"


def test_a_job_does_not_see_the_folder_of_another(wire: Wire, gate: Gate) -> None:
    job = wire.shell(gate.text)
    view = until_running(wire, job)
    mode = os.stat(view["workPath"]).st_mode & 0o777
    assert mode & 0o077 in (0, 0o011), oct(mode)
    gate.open()
    wire.done(job)
