"""Debug runs leave zips of every stage and nothing else: no output, no state, no secret."""

import json
import pwd
import zipfile
from pathlib import Path
from typing import Any

from e2e.conftest import needs_root
from e2e.harness import python
from e2e.wire import Message, Wire, put_component, put_config

SECRET = "s3cr3t-t0ken"

COMPONENT = """
import json, os, pathlib
data = pathlib.Path(os.environ["KBC_DATADIR"])
config = json.loads((data / "config.json").read_text())
(data / "out/tables/main.csv").write_text("a\\n%s\\n" % config["parameters"]["n"])
(data / "out/files/leak").write_text(json.dumps(config))
(data / "out/state.json").write_text('{"seen": 1}')
if config["parameters"].get("fail"):
    raise SystemExit(1)
"""
PROCESSOR = """
import json, os, pathlib, shutil
data = pathlib.Path(os.environ["KBC_DATADIR"])
name = json.loads((data / "config.json").read_text())["parameters"]["name"]
assert not (data / "in/state.json").exists()
for kind in ("tables", "files"):
    for file in (data / "in" / kind).iterdir():
        shutil.copy(file, data / "out" / kind / file.name)
(data / "out/files" / name).write_text("x")
"""


def put_all(wire: Wire, name: str, **parameters: Any) -> None:
    """Store a configuration of two rows, each with two processors after the component."""
    put_component(wire, f"{name}.main", command=python(COMPONENT))
    put_component(wire, f"{name}.pr", type="processor", command=python(PROCESSOR))
    after = [{"definition": {"component": f"{name}.pr"}, "parameters": {"name": mark}} for mark in ("b", "c")]
    put_config(
        wire,
        f"{name}.main",
        "two",
        configuration={"parameters": {"#token": SECRET}, "processors": {"after": after}},
        rows=[
            {"id": "one", "configuration": {"parameters": {"n": 1}}},
            {"id": "two", "configuration": {"parameters": {"n": 2, **parameters}}},
        ],
    )


def stages(job: Message) -> list[tuple[str | None, str]]:
    """Return row and name of each listed stage, after checking that its file exists."""
    root = Path(job["workPath"])
    listed = job["result"]["artifacts"]["stages"]
    assert {str(path.relative_to(root)) for path in root.glob("debug/**/*.zip")} == {
        one["path"] for one in listed
    }
    assert not list(root.glob("debug/**/*.new"))
    return [(one["row"], one["name"]) for one in listed]


def content(job: Message, path: str) -> dict[str, bytes]:
    with zipfile.ZipFile(Path(job["workPath"]) / path) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}


def test_two_rows_with_two_processors_leave_four_stages_each_and_nothing_else(wire: Wire) -> None:
    put_all(wire, "debug")
    job = wire.done(wire.create("debug.main", config="two", mode="debug"))
    assert job["status"] == "success", job["message"]
    names = ["stage_0", "stage_1", "stage_2", "stage_output"]
    assert stages(job) == [(row, name) for row in ("one", "two") for name in names]

    before = content(job, "debug/one/stage_0.zip")
    assert sorted(before) == ["config.json", "in/state.json"]
    assert json.loads(before["config.json"])["parameters"] == {"#token": "[hidden]", "n": 1}
    between = content(job, "debug/two/stage_1.zip")
    assert sorted(between) == ["config.json", "in/files/leak", "in/tables/main.csv"]
    assert between["in/tables/main.csv"] == b"a\n2\n"
    assert "in/files/b" in content(job, "debug/two/stage_2.zip")
    last = content(job, "debug/two/stage_output.zip")
    assert {"out/files/b", "out/files/c", "out/files/leak", "out/tables/main.csv"} <= last.keys()
    everything = b"".join(
        data for one in job["result"]["artifacts"]["stages"] for data in content(job, one["path"]).values()
    )
    assert SECRET.encode() not in everything

    assert job["result"]["output"] == {"tables": [], "files": []}
    kept = {path.name for path in Path(job["workPath"]).iterdir()}
    assert kept <= {"debug", "log", "steps"}
    for row in ("one", "two"):
        state = wire.call("state.get", component="debug.main", config="two", row=row)
        assert (state["state"], state["version"]) == ({}, 0)


def test_after_an_error_only_the_stages_before_it_are_there(wire: Wire) -> None:
    put_all(wire, "fails", fail=True)
    job = wire.done(wire.create("fails.main", config="two", mode="debug"))
    assert (job["status"], job["result"]["error"]["type"]) == ("error", "user")
    names = ["stage_0", "stage_1", "stage_2", "stage_output"]
    assert stages(job) == [*(("one", name) for name in names), ("two", "stage_0")]
    assert job["result"]["output"] == {"tables": [], "files": []}


def test_a_configuration_without_rows_has_its_stages_directly_below_debug(wire: Wire) -> None:
    put_all(wire, "plain")
    put_config(wire, "plain.main", "whole", configuration={"parameters": {"n": 3, "#token": SECRET}})
    job = wire.done(wire.create("plain.main", config="whole", mode="debug"))
    assert stages(job) == [(None, "stage_0"), (None, "stage_output")]
    assert json.loads(content(job, "debug/stage_output.zip")["out/files/leak"])["parameters"] == {
        "#token": "[hidden]",
        "n": 3,
    }
    assert "out/state.json" not in content(job, "debug/stage_output.zip")


@needs_root
def test_the_stages_of_a_job_belong_to_the_user_of_the_job(wire: Wire) -> None:
    text = 'cp "$KBC_DATADIR/config.json" "$KBC_DATADIR/out/files/copy"; mkdir -m 0 "$KBC_DATADIR/out/shut"'
    put_component(wire, "others", shell=text, user="nobody")
    put_config(wire, "others", "one", configuration={"parameters": {"#token": SECRET}})
    job = wire.done(wire.create("others", config="one", mode="debug"))
    assert job["status"] == "success", job["message"]
    owner = pwd.getpwnam("nobody").pw_uid
    for one in job["result"]["artifacts"]["stages"]:
        assert (Path(job["workPath"]) / one["path"]).stat().st_uid == owner
        assert "config.json" in content(job, one["path"])
    assert SECRET.encode() not in content(job, "debug/stage_output.zip")["out/files/copy"]
    assert not (Path(job["workPath"]) / "data").exists()


def test_a_run_after_a_debug_run_stores_its_output_and_state(wire: Wire) -> None:
    put_all(wire, "both")
    wire.done(wire.create("both.main", config="two", mode="debug"))
    job = wire.done(wire.create("both.main", config="two"))
    assert job["status"] == "success"
    assert len(job["result"]["output"]["tables"]) == 2
    assert "stages" not in job["result"]["artifacts"]
    state = wire.call("state.get", component="both.main", config="two", row="two")
    assert (state["state"], state["version"]) == ({"seen": 1}, 1)
