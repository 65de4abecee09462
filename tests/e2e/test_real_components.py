"""Third-party programs with real data: a component built on Keboola's own library, and a Singer pair.

They are installed from PyPI into environments kept in $LOCKSIDE_TEST_CACHE (else ~/.cache/lockside-tests).
If no registry can be reached, the tests are skipped with pip's message.
"""

import csv
import fcntl
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from e2e.wire import Wire, of, put_component, put_config

CACHE = Path(os.environ.get("LOCKSIDE_TEST_CACHE") or Path.home() / ".cache" / "lockside-tests")
PENGUINS = 344

COMPONENT = """
import csv, sys
from keboola.component.base import ComponentBase, sync_action
from keboola.component.exceptions import UserException

class Penguins(ComponentBase):
    def run(self):
        if not self.configuration.parameters.get("source"):
            raise UserException("Say where the penguins are: parameters.source is missing.")
        table = self.create_out_table_definition("penguins.csv", primary_key=["id"], incremental=True)
        with open(self.configuration.parameters["source"]) as source:
            rows = [dict(row, id=n) for n, row in enumerate(csv.DictReader(source))]
        with open(table.full_path, "w", newline="") as out:
            writer = csv.DictWriter(out, rows[0].keys())
            writer.writeheader()
            writer.writerows(rows)
        self.write_manifest(table)
        self.write_state_file({"runs": (self.get_state_file() or {}).get("runs", 0) + 1, "rows": len(rows)})
        print(f"{len(rows)} rows with {self.configuration.parameters['#token']}")

    @sync_action("columns")
    def columns(self):
        with open(self.configuration.parameters["source"]) as source:
            return [{"value": name, "label": name} for name in next(csv.reader(source))]

try:
    Penguins().execute_action()
except UserException as error:
    print(error, file=sys.stderr)
    sys.exit(1)
except Exception as error:
    print(error, file=sys.stderr)
    sys.exit(2)
"""


def environment(name: str, *packages: str) -> Path:
    """Return the bin folder of an environment with these packages, made once for all test runs."""
    CACHE.mkdir(parents=True, exist_ok=True)
    folder, done = CACHE / name, CACHE / f"{name}.done"
    with open(CACHE / f"{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            subprocess.run(
                [sys.executable, "-m", "venv", "--without-pip", "--clear", str(folder)], check=True
            )
            pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin/python"), "install", "--quiet"]
            options = ["--disable-pip-version-check", "--no-compile"]  # most of the output is never read
            said = subprocess.run([*pip, *options, *packages], capture_output=True, text=True, timeout=280)
            if said.returncode:
                pytest.skip(
                    f"{' '.join(packages)} cannot be installed: {said.stderr.strip().splitlines()[-1:]}"
                )
            done.touch()
    return folder / "bin"


@pytest.fixture(scope="module")
def penguins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data set as a CSV file of 344 rows."""
    folder = environment("data", "--no-deps", "palmerpenguins==0.1.6").parent
    (found,) = folder.glob("lib/python3*/site-packages/palmerpenguins/data/penguins.csv")
    return found


@pytest.mark.timeout(600)
def test_a_component_built_on_the_keboola_library_runs(wire: Wire, place: Path, penguins: Path) -> None:
    bin_folder = environment("keboola", "keboola.component==1.11.0")
    script = place / "component.py"
    script.write_text(COMPONENT)
    put_component(
        wire, "keboola.penguins", type="extractor", command=[str(bin_folder / "python"), str(script)]
    )
    parameters = {"source": str(penguins), "#token": "a-very-secret-token"}
    put_config(wire, "keboola.penguins", "all", configuration={"parameters": parameters})

    job = wire.done(wire.create("keboola.penguins", config="all"))
    assert job["status"] == "success", (job["result"]["error"], wire.text(job))
    assert f"{PENGUINS} rows with [hidden]" in wire.text(job)
    with open(Path(job["workPath"]) / "data/out/tables/penguins.csv") as table:
        assert len(list(csv.DictReader(table))) == PENGUINS
    (listed,) = job["result"]["output"]["tables"]
    assert of(listed, "primaryKey", "incremental") == (["id"], True)
    state = wire.call("state.get", component="keboola.penguins", config="all")["state"]
    assert state == {"runs": 1, "rows": PENGUINS}
    wire.done(wire.create("keboola.penguins", config="all"))
    assert wire.call("state.get", component="keboola.penguins", config="all")["state"]["runs"] == 2

    columns = wire.call(
        "action.run", component="keboola.penguins", action="columns", configData={"parameters": parameters}
    )
    assert {"value": "species", "label": "species"} in columns
    failed = wire.done(wire.create("keboola.penguins", configData={"parameters": {"#token": "x"}}))
    assert of(failed["result"]["error"], "type", "exitCode") == ("user", 1)
    assert "Say where the penguins are" in failed["message"]
    crashed = wire.done(
        wire.create("keboola.penguins", configData={"parameters": {"source": "/no/such/file"}})
    )
    assert of(crashed["result"]["error"], "type", "exitCode") == ("application", 2)
    assert "/no/such/file" in crashed["message"]


@pytest.mark.timeout(600)
def test_a_singer_pair_is_a_component_with_parameters_and_state_and_fails_when_its_tap_does(
    wire: Wire, place: Path, penguins: Path
) -> None:
    tap = environment("tap-jsonl", "tap-jsonl==0.3.1") / "tap-jsonl"
    target = environment("target-jsonl", "target-jsonl==0.1.4") / "target-jsonl"
    source, out = place / "in", place / "out"
    source.mkdir()
    out.mkdir()
    with open(penguins) as rows, open(source / "penguins.jsonl", "w") as lines:
        lines.writelines(
            json.dumps({**row, "id": number}) + "\n" for number, row in enumerate(csv.DictReader(rows))
        )
    settings = {"path": f"{source}/*.jsonl", "stream_name": "penguins", "primary_keys": ["id"]}
    put_component(wire, "singer.discover", command=[str(tap), "--config", "{parameters}", "--discover"])
    found = wire.done(wire.create("singer.discover", configData={"parameters": settings}))
    assert found["status"] == "success", found["result"]
    catalog = "".join(f["text"] for f in wire.call("job.log", id=found["id"], stream="stdout")["frames"])

    put_component(
        wire,
        "singer.penguins",
        pipeline=[
            [str(tap), "--config={parameters.tap}", "--catalog={parameters.catalog}", "--state={state}"],
            [str(target), "--config", "{parameters.target}"],
        ],
        state="singer",
    )
    parameters = {"tap": settings, "catalog": json.loads(catalog), "target": {"destination_path": str(out)}}
    put_config(wire, "singer.penguins", "all", configuration={"parameters": parameters})
    job = wire.done(wire.create("singer.penguins", config="all"))
    assert job["status"] == "success", (job["result"]["error"], wire.text(job))
    assert _lines(out) == PENGUINS
    state = wire.call("state.get", component="singer.penguins", config="all")["state"]
    assert "penguins" in state["bookmarks"]
    logged = wire.call("job.log", id=job["id"], limit=10_000)["frames"]
    assert any(frame["stream"] == "stderr" for frame in logged), (
        "all that Singer says on stderr is no failure"
    )
    again = wire.done(wire.create("singer.penguins", config="all"))
    assert again["status"] == "success", again["result"]["error"]
    assert wire.call("state.get", component="singer.penguins", config="all")["state"] == state

    broken = {**parameters, "tap": {"path": 3}}
    failed = wire.done(wire.create("singer.penguins", configData={"parameters": broken}))
    assert of(failed, "status") == ("error",)
    assert of(failed["result"]["error"], "kind", "exitCode") == ("exit", 1)


def _lines(folder: Path) -> int:
    return sum(len(file.read_text().splitlines()) for file in folder.iterdir())
