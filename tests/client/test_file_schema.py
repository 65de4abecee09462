"""The JSON Schemas of files accept and refuse the same as the files' readers, and editors find them."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from client.conftest import Run
from lockside.cli.files.config_file import BODY_MEMBERS, CONFIG_MEMBERS
from lockside.cli.files.file_schema import FOLDER, file_schema, names
from lockside.kinds import CONFIG, with_files
from lockside.paths import example_folder

FAR = {
    "slots": 8,
    "executor": "slurm",
    "options": {"workRoot": "/shared"},
    "backends": {"small": {"cpus": 1, "memoryBytes": 2**20, "nodes": 1, "options": {"partition": "p"}}},
}
EXAMPLES = {
    "component": {
        "command": ["true"],
        "limits": {"timeoutSeconds": "10m"},
        "recovery": [
            {"id": "a", "match": {"exitCodes": [75]}, "tester": {"tcp": {"host": "db", "port": 5432}}}
        ],
    },
    "config": {
        "parameters": {"any": 1},
        "runtime": {"partition": {"chunkRows": 10, "assembler": {"component": "acme.join"}}},
        "rows": [{"id": "a", "parameters": {"x": 1}}],
        "variables": {"v": 1},
    },
    "row": {"name": "eu", "parameters": {"x": 1}},
    "pool": {"loads": {"slots": 2}, "wide": {"slots": "infinity"}, "far": FAR},
    "bucket": {"in.c-shop": {"access": "groupRead"}, "out.c-shop": {}},
    "system": {
        "archive": {"type": "s3", "root": "s3://lake", "isWritable": True, "options": {"#secret": "x"}}
    },
    "resource": {"gpu": {"units": ["0", "1"]}, "api": {"capacity": "infinity", "shared": True}},
    "variables": {"country": "CZ", "many": 3, "is_on": True},
    "template": {"values": [{"name": "day"}], "job": {"component": "a"}},
    "schedule": {"cronTab": "30 2 * * *", "timezone": "Europe/Prague", "job": {"component": "a"}},
    "trigger": {
        "on": [
            {"job": {"component": "a"}},
            {"table": "in.b.c"},
            {"files": {"folder": "/in", "match": "*.csv"}},
        ],
        "job": {"component": "b"},
    },
    "notification": {
        "event": "job-failed",
        "recipient": {"channel": "webhook", "url": "https://hooks.example.com/a"},
    },
}
WRONG = {
    "component": [{"comand": ["true"]}, {"limits": {"timeout": 1}}, {"type": "nothing"}, {"recovery": [{}]}],
    "config": [
        {"paramters": {}},
        {"rows": [{"parameters": {}}]},
        {"runtime": {"parallelism": -1}},
        {"runtime": {"partition": {"chunkRow": 1}}},
    ],
    "row": [{"isDisabled": "no"}],
    "pool": [
        {"loads": {"slot": 2}},
        {"loads": 3},
        {"far": {"executor": "No"}},
        {"far": {"backends": {"s": 1}}},
    ],
    "system": [
        {"archive": {"type": "s3"}},
        {"archive": {"type": "s3", "root": "s3://lake", "writable": True}},
    ],
    "bucket": [{"in.c-shop": {"access": "all"}}, {"in.c-shop": {"acces": "private"}}],
    "resource": [{"gpu": {"unit": ["0"]}}, {"gpu": 2}],
    "variables": [{"country": None}],
    "template": [{"values": []}, {"job": {}, "value": []}],
    "schedule": [{"cronTab": 5}, {"every": "15m", "job": {"component": "a"}, "zone": "UTC"}],
    "trigger": [
        {"on": [], "job": {"component": "b"}},
        {"job": {"component": "b"}},
        {"on": [{"files": {"folder": "in"}}], "job": {"component": "b"}},
    ],
    "notification": [
        {"event": "job-failed"},
        {"event": "job-fails", "recipient": {}},
        {"event": "job-failed", "recipient": {"channel": "pigeon"}},
    ],
}


def schema(name: str) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(file_schema(name))


def test_every_kind_that_has_files_has_a_schema() -> None:
    assert set(names()) == {"row", *(kind.word for kind in with_files())} == set(EXAMPLES)


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_schema_accepts_and_refuses_the_same_as_the_reader_of_the_file(name: str) -> None:
    assert schema(name).is_valid(EXAMPLES[name])
    for wrong in WRONG[name]:
        assert not schema(name).is_valid(wrong), wrong


def test_a_configuration_can_have_the_members_of_its_body_at_the_top_or_below() -> None:
    known = set(file_schema("config")["properties"])
    assert known == BODY_MEMBERS | CONFIG_MEMBERS - set(CONFIG.key)
    assert schema("config").is_valid({"configuration": {"parameters": {}, "runtime": {"pool": "loads"}}})


@pytest.mark.parametrize("name", names())
def test_every_field_is_described_and_nothing_is_fetched(name: str) -> None:
    made = file_schema(name)
    for text in re.findall(r'"\$ref": "([^"]+)"', json.dumps(made)):
        assert text.removeprefix("#/$defs/") in made["$defs"]
    parts = [made, *made["$defs"].values()]
    bare = [
        key for part in parts for key, one in part.get("properties", {}).items() if "description" not in one
    ]
    assert bare == []


def test_the_files_of_the_example_match_their_schemas() -> None:
    for path in Path(example_folder()).rglob("*.toml"):
        name = {"components": "component", "configs": "config"}.get(
            path.relative_to(example_folder()).parts[0], "pool"
        )
        assert schema(name).is_valid(tomllib.loads(path.read_text())), path


def written(folder: Path) -> list[tuple[Path, Any]]:
    return [(path, tomllib.loads(path.read_text())) for path in folder.rglob("*.toml")]


def test_new_files_name_the_schema_written_beside_them_and_match_it(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "p"
    assert run("init", str(folder)).code == 0
    assert run("new", "config", "hello.greet/weekly", str(folder)).code == 0
    assert len(written(folder)) == 6
    for path, document in written(folder):
        first = path.read_text().splitlines()[0]
        assert first.startswith("#:schema "), path
        beside = (path.parent / first.removeprefix("#:schema ")).resolve()
        assert beside.parent == folder / FOLDER
        jsonschema_rs.Draft202012Validator(json.loads(beside.read_text())).validate(document)


def test_one_schema_can_be_printed_and_all_can_be_written(run: Run, tmp_path: Path) -> None:
    assert json.loads(run("schema", "component").out) == json.loads(json.dumps(file_schema("component")))
    assert run("schema").out.split() == names()
    assert run("schema", "--write", str(tmp_path)).code == 0
    assert sorted(path.name for path in (tmp_path / FOLDER).iterdir()) == sorted(
        f"{name}.schema.json" for name in names()
    )
    refused = run("schema", "componnent")
    assert (refused.code, "Did you mean 'component'?" in refused.err) == (2, True)
