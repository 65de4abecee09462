"""What `export` writes reads back as what was stored; files with the same meaning are not changed."""

import json
import os
import shutil
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockside.cli.catalog import file_text
from lockside.cli.catalog.export import plan_export
from lockside.cli.files import config_file, object_file
from lockside.cli.files.folder import read_folder
from lockside.cli.files.toml_writer import can_be_toml, toml_text
from lockside.documents.component import Manifest
from lockside.documents.configuration import ConfigSpec, Configuration
from lockside.documents.unknown_keys import likely
from lockside.documents.variables import VariablesSpec
from lockside.kinds import COMPONENT, CONFIG, VARIABLES, with_files
from lockside.paths import example_folder

Json = dict[str, Any]

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20) | st.sampled_from(
    [
        "a\nb",
        "\n",
        'x"""y\n',
        "'''\n\\",
        "\\\n",
        "ends with '\n'",
        'tail"\n"',
        "./a",
        "../b",
        ".//c",
        "\r\n",
        "{{ v }}",
    ]
)
names = texts | st.sampled_from(
    [
        "name",
        "rows",
        "id",
        "parameters",
        "paramters",
        "runtme",
        "values",
        "#secret",
        "a b",
        "component",
        "configuration",
    ]
)
scalars = (
    st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | texts
)
bodies = st.recursive(
    scalars | st.none(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4),
    max_leaves=12,
)
objects = st.dictionaries(names, bodies, max_size=5)
ids = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,8}", fullmatch=True)
arguments = texts.filter(lambda text: "\0" not in text) | st.sampled_from(
    [
        "/srv/pipeline/scripts/x.py",
        "/srv/pipeline",
        "/srv/pipeline/components/y",
        "/srv/pipeline/../z",
        "/etc/x",
    ]
)
DIR = "/srv/pipeline"
thorough = settings(max_examples=2000 if os.environ.get("LOCKSIDE_TEST_LONG") else 60, deadline=None)


def strict(value: Any) -> str:
    """A text in which 1, 1.0 and true differ."""
    return json.dumps(value, sort_keys=True)


@thorough
@given(objects)
def test_a_value_written_as_toml_reads_back_the_same(document: Json) -> None:
    if can_be_toml(document):
        assert strict(tomllib.loads(toml_text(document))) == strict(document)
    else:
        assert "null" in strict(document)


TYPED = {field.encode_name for field in msgspec.structs.fields(Configuration)}
untyped = objects.map(
    lambda body: {
        name: value for name, value in body.items() if name not in TYPED and not likely(name, [*TYPED])
    }
)
rows_of_any = st.lists(
    st.fixed_dictionaries({"id": ids, "configuration": st.just({}) | st.dictionaries(ids, bodies)}),
    max_size=3,
    unique_by=lambda row: row["id"],
)


@pytest.mark.parametrize("end", ["", "'", "\\", '"', "\n", "\r", "\x00", "\t", "'''.", '""".'])
@pytest.mark.parametrize("line", ["x", "x\n", '"x"\n'])
def test_a_long_text_reads_back_the_same(line: str, end: str) -> None:
    document = {"text": line * 20_000 + end}
    assert tomllib.loads(toml_text(document)) == document


@thorough
@given(untyped, rows_of_any, st.none() | texts.filter(lambda text: "\0" not in text))
def test_a_configuration_s_file_reads_back_the_same(body: Json, rows: list[Json], name: str | None) -> None:
    stored = {"component": "a", "config": "b", "configuration": body, "rows": rows, "name": name}
    made = file_text.config(CONFIG, {**stored, "version": 3, "branchId": "default"}, DIR)
    read = config_file.config(CONFIG, f"{DIR}/configs/a/b{made.ending}", ("a", "b"), made.text)
    assert read.faults == []
    assert file_text.same(ConfigSpec, read.body, stored)
    again = file_text.config(CONFIG, read.body, DIR)
    assert (again.text, again.ending) == (made.text, made.ending)


tags_of_any = st.dictionaries(
    ids, st.fixed_dictionaries({"command": st.lists(arguments, min_size=1, max_size=2)}), max_size=2
)


@thorough
@given(
    st.lists(arguments, min_size=1, max_size=4),
    st.none() | st.sampled_from(["/srv/pipeline", "/srv/pipeline/a b", "/tmp", "{datadir}", "{datadir}/x"]),
    st.none() | objects,
    st.none() | st.floats(0, 1e6),
    tags_of_any,
)
def test_a_component_s_file_reads_back_the_same(
    command: list[str], cwd: str | None, schema: Json | None, grace: float | None, tags: Json
) -> None:
    stored = {
        "id": "a",
        "command": command,
        "cwd": cwd,
        "schema": schema,
        "graceSeconds": grace,
        "tags": tags,
    }
    made = file_text.component(COMPONENT, {**stored, "version": 1}, DIR)
    read = object_file.component(COMPONENT, f"{DIR}/components/a{made.ending}", ("a",), made.text)
    assert file_text.same(Manifest, read.body, stored)
    assert file_text.component(COMPONENT, read.body, DIR).text == made.text


@thorough
@given(st.lists(st.fixed_dictionaries({"name": names.filter(bool), "value": scalars}), max_size=5))
def test_a_set_of_variables_reads_back_the_same(values: list[Json]) -> None:
    usable = [each for each in values if "\0" not in str(each["value"])]
    stored = {"id": "eu", "values": usable}
    made = file_text.variables(VARIABLES, stored, DIR)
    read = object_file.variables(VARIABLES, f"{DIR}/variables/eu{made.ending}", ("eu",), made.text)
    assert file_text.same(VariablesSpec, read.body, stored)


def stored_like(folder: Path) -> dict[str, dict[tuple[str, ...], Json]]:
    """Return what a daemon would store after an apply of the folder."""
    found = read_folder(str(folder))
    return {
        kind.plural: {key: item.body for key, item in found.kinds.get(kind.plural, {}).items()}
        for kind in with_files()
    }


def texts_in(folder: Path) -> dict[str, str]:
    files = sorted(folder.rglob("*.toml")) + sorted(folder.rglob("*.json"))
    return {str(file.relative_to(folder)): file.read_text() for file in files}


@pytest.fixture
def pipeline(tmp_path: Path) -> Path:
    """A writable copy of the example."""
    folder = tmp_path / "pipeline"
    shutil.copytree(example_folder(), folder, ignore=shutil.ignore_patterns("data", "__pycache__"))
    return folder


def test_a_normal_folder_is_exported_file_by_file_unchanged(pipeline: Path, tmp_path: Path) -> None:
    first = tmp_path / "first"
    shutil.copytree(pipeline / "scripts", first / "scripts")
    stored = stored_like(pipeline)
    plan_export(str(first), stored).write()
    again = tmp_path / "again"
    shutil.copytree(first, again)
    plan_export(str(again), stored_like(again)).write()
    third = tmp_path / "third"
    plan_export(str(third), stored_like(first)).write()
    assert texts_in(again) == texts_in(first)
    assert {name for name in texts_in(first) if not name.startswith("scripts")} == set(texts_in(third))


def test_a_file_with_the_same_meaning_keeps_its_comments(pipeline: Path) -> None:
    before = texts_in(pipeline)
    assert any("# The whole pipeline as one job" in text for text in before.values())
    made = plan_export(str(pipeline), stored_like(pipeline))
    assert (made.texts, made.in_the_way, made.unchanged) == ({}, [], 8)


def test_a_file_with_another_meaning_is_a_conflict(pipeline: Path) -> None:
    stored = stored_like(pipeline)
    stored["configs"]["airports.load", "daily"]["name"] = "Changed"
    stored["pools"]["warehouse",]["slots"] = 3
    del stored["configs"]["airports.extract", "daily"]
    made = plan_export(str(pipeline), stored)
    assert made.in_the_way == [
        str(pipeline / "pools.toml"),
        str(pipeline / "configs/airports.load/daily.toml"),
    ]
    assert made.unstored == [str(pipeline / "configs/airports.extract/daily.toml")]


def test_rows_in_separate_files_are_merged_into_an_overwritten_file(pipeline: Path) -> None:
    rows = pipeline / "configs/airports.load/daily/rows"
    rows.mkdir(parents=True)
    (rows / "eu.toml").write_text("[parameters]\nfolder = '/x'\n")
    stored = stored_like(pipeline)
    assert plan_export(str(pipeline), stored).texts == {}
    stored["configs"]["airports.load", "daily"]["rows"][0]["name"] = "Europe"
    plan_export(str(pipeline), stored).write()
    assert not rows.exists()
    assert stored_like(pipeline) == stored


def test_files_of_the_folder_are_named_relative_to_the_component(pipeline: Path, tmp_path: Path) -> None:
    stored = stored_like(pipeline)
    plan_export(str(tmp_path / "elsewhere"), stored).write()
    shutil.rmtree(pipeline / "components")
    plan_export(str(pipeline), stored).write()
    here = (pipeline / "components/airports.load.toml").read_text()
    there = (tmp_path / "elsewhere/components/airports.load.toml").read_text()
    assert 'command = ["python3", "-B", "../scripts/load.py"]' in here
    assert f'"{pipeline}/scripts/load.py"' in there
