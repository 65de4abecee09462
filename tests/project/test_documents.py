"""The documents say what the code does: diagram, table, settings, and nothing of any one machine."""

import shutil
import subprocess
import tomllib
from pathlib import Path

import msgspec
import pytest

from locksided.core.transitions import CAUSES, TRANSITIONS, diagram, table
from locksided.settings import Settings, load

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text("utf-8")
STATES = (ROOT / "client/lockside/handbook/states.md").read_text("utf-8")


def tracked_files() -> list[str]:
    """The files of the project as it is checked out; skips where nobody can tell."""
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    return listed.stdout.split()


def test_the_handbook_has_the_state_diagram_that_the_table_of_transitions_gives() -> None:
    assert diagram() in STATES


def test_the_handbook_has_every_transition_with_its_cause() -> None:
    assert table() in STATES
    assert set(CAUSES) == {(a, b) for a, following in TRANSITIONS.items() for b in following}


def test_the_readme_stays_short() -> None:
    assert len(README.splitlines()) <= 250


def test_the_shipped_settings_are_the_defaults_and_complete() -> None:
    file = ROOT / "config" / "lockside.toml"
    assert load([file], {}) == Settings()
    written = tomllib.loads(file.read_text("utf-8"))
    defaults = msgspec.to_builtins(Settings())
    assert {name: set(section) for name, section in written.items()} == {
        name: set(section) for name, section in defaults.items()
    }


def test_every_setting_is_described() -> None:
    lines = (ROOT / "config" / "lockside.toml").read_text("utf-8").splitlines()
    for number, line in enumerate(lines):
        if "=" in line and not line.startswith("#"):
            assert lines[number - 1].startswith("#"), f"no sentence above: {line}"


def test_no_file_names_a_path_outside_the_project() -> None:
    words = ("/" + "work/", "/" + "farm/", ".." + "/shared")
    found = [
        f"{name}: {word}"
        for name in tracked_files()
        if name.endswith((".py", ".md", ".toml", ".sql", ".service", ".socket", "run"))
        for word in words
        if word in (ROOT / name).read_text("utf-8") and not name.startswith("tests/")
    ]
    assert found == []


def test_the_top_level_has_the_specified_layout() -> None:
    given = {"pyproject.toml", "README.md", "LICENSE", "daemon", "client", "tests", "config"}
    top = {name.partition("/")[0] for name in tracked_files()}
    assert {name for name in top if not name.startswith(".")} <= given
