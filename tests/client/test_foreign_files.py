"""Keboola's own JSON is accepted unchanged: what applies is kept, the rest is left out with a note."""

import json
from pathlib import Path
from typing import Any

import pytest

from lockside.cli.files.folder import Folder, read_folder

Json = dict[str, Any]

WHO = {
    "created": "2024-03-01T08:00:00+0100",
    "creatorToken": {"id": 1, "description": "a@b.cz"},
    "version": 12,
}

EXTRACTOR = {
    "id": "892134",
    "name": "MySQL orders",
    "description": "",
    **WHO,
    "changeDescription": "Update credentials",
    "isDisabled": False,
    "isDeleted": False,
    "configuration": {
        "parameters": {
            "db": {
                "host": "db.example.com",
                "port": 3306,
                "user": "reader",
                "#password": "KBC::ProjectSecure::x",
            }
        }
    },
    "rowsSortOrder": ["2", "1"],
    "rows": [
        {
            "id": "1",
            "name": "orders",
            "description": "all of them",
            "isDisabled": False,
            "configuration": {"parameters": {"incremental": True, "primaryKey": ["id"], "query": None}},
            "state": {"lastFetchedRow": "7"},
            **WHO,
        },
        {"id": "2", "name": "customers", "isDisabled": True, "configuration": [], "state": [], **WHO},
    ],
    "state": {},
    "currentVersion": {**WHO, "changeDescription": "x"},
}
TRANSFORMATION = {
    "parameters": {
        "blocks": [
            {"name": "Block 1", "codes": [{"name": "c", "script": ['CREATE TABLE "t" AS\nSELECT 1;']}]}
        ]
    },
    "storage": {
        "input": {"tables": [{"source": "in.c-main.orders", "destination": "orders", "where_values": []}]},
        "output": {"tables": [{"source": "t", "destination": "out.c-main.t", "primary_key": ["id"]}]},
    },
    "processors": {
        "after": [
            {
                "definition": {"component": "keboola.processor-move-files"},
                "parameters": {"direction": "tables"},
            }
        ]
    },
    "shared_code_id": "12",
    "shared_code_row_ids": [],
    "variables_id": "34",
    "runtime": {"backend": {"type": "small", "context": "x"}, "safe": True, "parallelism": "2"},
}
ORCHESTRATION = {
    "id": "77",
    "name": "Nightly",
    "configuration": {
        "phases": [
            {"id": 1001, "name": "Extract", "dependsOn": [], "behavior": {"onError": "stop"}},
            {"id": 1002, "name": "Transform", "dependsOn": [1001]},
        ],
        "tasks": [
            {
                "id": 1,
                "name": "orders",
                "phase": 1001,
                "task": {"componentId": "keboola.ex-db-mysql", "configId": "892134", "mode": "run"},
                "continueOnFailure": False,
                "enabled": True,
            },
            {
                "id": 2,
                "name": "t",
                "phase": 1002,
                "task": {
                    "componentId": "keboola.snowflake-transformation",
                    "configId": "t",
                    "configData": [],
                },
                "continueOnFailure": True,
                "enabled": True,
            },
        ],
    },
}
OAUTH = {
    "parameters": {
        "profiles": {"1": {"name": "x"}},
        "outputTable": None,
        "deep": {"a": [[1, 2.5, None], {}]},
    },
    "authorization": {"oauth_api": {"id": "main", "version": 3}},
    "image_parameters": {"a": 1},
    "artifacts": [],
}


def read(folder: Path, component: str, name: str, document: Json) -> Folder:
    file = folder / "configs" / component / f"{name}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(document))
    return read_folder(str(folder))


def only(found: Folder) -> Json:
    assert [str(fault) for fault in found.faults] == []
    [body] = found.asked()["configs"]
    return dict(body)


def notes(found: Folder) -> str:
    return "\n".join(map(str, found.notes))


def test_an_extractor_with_rows_as_the_api_returns_it(tmp_path: Path) -> None:
    found = read(tmp_path, "keboola.ex-db-mysql", "892134", EXTRACTOR)
    body = only(found)
    assert body["configuration"] == EXTRACTOR["configuration"]
    assert body["name"] == "MySQL orders"
    assert [row["id"] for row in body["rows"]] == ["2", "1"]
    assert body["rows"][0] == {"id": "2", "name": "customers", "isDisabled": True, "configuration": {}}
    assert body["rows"][1]["configuration"]["parameters"]["query"] is None
    assert "created, creatorToken" in notes(found)
    assert "omitted" in notes(found)


def test_the_bare_configuration_of_a_transformation(tmp_path: Path) -> None:
    found = read(tmp_path, "keboola.snowflake-transformation", "t", TRANSFORMATION)
    assert only(found)["configuration"] == TRANSFORMATION
    for key in ("shared_code_id", "variables_id", "runtime.safe"):
        assert f"{key}: Unknown; it is kept and has no effect" in notes(found)


def test_an_orchestration_with_numeric_ids(tmp_path: Path) -> None:
    body = only(read(tmp_path, "lockside.orchestrator", "77", ORCHESTRATION))
    assert body["configuration"] == ORCHESTRATION["configuration"]


def test_objects_that_the_daemon_prints_can_be_stored_again(tmp_path: Path) -> None:
    stored = {
        "component": "a",
        "config": "b",
        "branchId": "default",
        "name": None,
        "isDisabled": False,
        "configuration": {"parameters": {"component": "x"}},
        "rows": [],
        "version": 3,
        "createdTime": "2026-01-31T08:00:00Z",
        "changedBy": {"uid": 0},
        "isDeleted": False,
    }
    assert only(read(tmp_path, "a", "b", stored))["configuration"] == {"parameters": {"component": "x"}}


@pytest.mark.parametrize("document", [OAUTH, {"parameters": [], "storage": [], "processors": []}, {}])
def test_unusual_bodies_are_kept_unchanged(tmp_path: Path, document: Json) -> None:
    assert only(read(tmp_path, "keboola.ex-x", "b", document)).get("configuration", {}) == document


def test_a_likely_misspelling_is_a_fault(tmp_path: Path) -> None:
    found = read(tmp_path, "a", "b", {"paramters": {}})
    assert "did you mean `parameters`?" in "\n".join(map(str, found.faults))
