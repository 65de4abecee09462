"""The example pipeline's components, run as the daemon would run them, on the data that ships with it."""

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lockside.cli.files.parse import read_document
from lockside.paths import example_folder

AIRPORTS = 28_298


def _run(
    tmp_path: Path, component: str, state: str = "{}", **parameters: Any
) -> subprocess.CompletedProcess[str]:
    """Run one component in its own data folder; its progress goes to a file."""
    data = tmp_path / "data"
    for name in ("in", "out"):
        (data / name).mkdir(parents=True, exist_ok=True)
    (data / "config.json").write_text(json.dumps({"parameters": {"folder": str(tmp_path), **parameters}}))
    (data / "in" / "state.json").write_text(state)
    with (tmp_path / "progress").open("wb") as progress:
        return subprocess.run(
            [sys.executable, "-B", os.path.join(example_folder(), "scripts", f"{component}.py")],
            env={
                "KBC_DATADIR": f"{data}/",
                "LOCKSIDE_PROGRESS_FD": str(progress.fileno()),
                "PATH": os.defpath,
            },
            pass_fds=[progress.fileno()],
            capture_output=True,
            text=True,
            check=False,
        )


def test_the_pipeline_loads_every_airport(tmp_path: Path) -> None:
    extract = _run(tmp_path, "extract", source="airports.csv.gz", pace_seconds="0")
    assert (extract.returncode, extract.stderr) == (0, "")
    assert json.loads((tmp_path / "data" / "out" / "state.json").read_text()) == {"rows": AIRPORTS}
    progress = [json.loads(line) for line in (tmp_path / "progress").read_text().splitlines()]
    assert progress[-1]["progress"] == 1.0
    assert progress[-1]["counts"] == {"success": AIRPORTS}
    assert _run(tmp_path, "transform").returncode == 0
    assert _run(tmp_path, "load", database="airports.sqlite").returncode == 0
    database = sqlite3.connect(tmp_path / "airports.sqlite")
    assert database.execute("SELECT count(*), sum(airports) FROM countries").fetchone() == (234, AIRPORTS)
    assert database.execute("SELECT name FROM airports WHERE icao = 'LKPR'").fetchone()[0].startswith("V")
    database.close()


def test_a_second_load_replaces_the_first(tmp_path: Path) -> None:
    for component, more in (("extract", {"source": "airports.csv.gz"}), ("transform", {})):
        assert _run(tmp_path, component, **more).returncode == 0
    assert [_run(tmp_path, "load", database="a.sqlite").returncode for _ in range(2)] == [0, 0]


def test_the_state_of_the_last_run_is_reported(tmp_path: Path) -> None:
    ran = _run(tmp_path, "extract", '{"rows": 7}', source="airports.csv.gz")
    assert ran.stdout.startswith("reading airports.csv.gz, which had 7 rows the last time")


@pytest.mark.parametrize(
    ("component", "parameters", "message"),
    [
        ("extract", {"source": "nothing.gz"}, "cannot be read: No such file"),
        ("extract", {"source": "README.md"}, "cannot be read: Not a gzipped file"),
        ("transform", {}, "run airports.extract first"),
        ("load", {"database": "a.sqlite"}, "run airports.transform first"),
    ],
)
def test_a_user_error_exits_with_1_and_one_plain_sentence(
    tmp_path: Path, component: str, parameters: dict[str, str], message: str
) -> None:
    ran = _run(tmp_path, component, **parameters)
    assert ran.returncode == 1
    assert message in ran.stderr
    assert len(ran.stderr.splitlines()) == 1


def test_the_parameters_of_the_configurations_match_the_components_schemas() -> None:
    jsonschema = pytest.importorskip("jsonschema_rs")
    for file in Path(example_folder(), "configs").glob("airports.*/*.toml"):
        schema = read_document(str(Path(example_folder(), "components", file.parent.name + ".toml")))[
            "schema"
        ]
        jsonschema.validate(schema, read_document(str(file))["parameters"])
