"""A field of a job is a line in each of the three types that the handbook names."""

import ast
import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.harness import Daemon, short_folder
from e2e.wire import of

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "client/lockside/handbook/changing.md").read_text("utf-8")
SECTION = PAGE[PAGE.index("## Add a field of a job") : PAGE.index("## Add a setting")]


def insert(file: Path, kind: str, line: str) -> None:
    """Write a line behind the docstring of a class."""
    text = file.read_text("utf-8")
    [found] = [one for one in ast.parse(text).body if isinstance(one, ast.ClassDef) and one.name == kind]
    lines = text.splitlines()
    lines.insert(found.body[0].end_lineno or 0, f"    {line}")
    file.write_text("\n".join(lines) + "\n", "utf-8")


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    """A daemon with the field that the handbook adds."""
    with short_folder() as folder:
        for package in ("client/lockside", "daemon/locksided"):
            shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
        for file, kind, line in re.findall(r"^(\S+\.py) +(\w+) +(.+)$", SECTION, re.MULTILINE):
            insert(folder / file, kind, line)
        path = os.pathsep.join(str(folder / one) for one in ("client", "daemon"))
        one = Daemon(folder, PYTHONPATH=path)
        one.program = [sys.executable, "-m", "locksided"]
        one.start()
        yield one
        one.end()


def test_the_field_is_taken_kept_shown_and_repeated(daemon: Daemon) -> None:
    wire = daemon.wire()
    request = {"component": "lockside.command", "configData": {"parameters": {"command": ["true"]}}}
    made = wire.call("job.create", **request, team="north")
    assert of(wire.call("job.get", id=made["id"]), "id", "team") == (made["id"], "north")
    assert {"id": made["id"], "team": "north"} in wire.call("job.list", fields=["team"])["jobs"]
    wire.call("job.wait", ids=[made["id"]])
    assert wire.call("job.resubmit", id=made["id"])["team"] == "north"
    assert wire.call("job.resubmit", id=made["id"], **{"with": {"team": "south"}})["team"] == "south"
    assert wire.refused("job.create", **request, team=7).data["path"] == "$.team"
    described = next(one for one in wire.call("rpc.discover")["methods"] if one["name"] == "job.create")
    assert "team" in {one["name"] for one in described["params"]}
