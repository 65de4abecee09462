"""The OpenRPC document is complete, built from the same types, and its schemas match the types."""

import json
from typing import Any

import msgspec
import pytest

from fuzz.schemas import Schemas
from lockside.documents.base import Document
from lockside.protocol.methods import METHODS
from lockside.protocol.openrpc import document
from lockside.protocol.sentences import _own
from lockside.protocol.types.jobs import Job

DOCUMENT = json.loads(msgspec.json.encode(document("1.2.3")))
EVERYTHING = document("1", with_test_clock=True)  # the same object as in other modules: it is built once
SCHEMAS = Schemas(DOCUMENT)


def test_every_method_is_described() -> None:
    assert [method["name"] for method in DOCUMENT["methods"]] == list(METHODS)
    assert DOCUMENT["info"]["version"] == "1.2.3"


def test_every_member_of_every_type_is_described() -> None:
    bare = [
        f"{name}.{member}"
        for name, schema in EVERYTHING["components"]["schemas"].items()
        for member, part in schema.get("properties", {}).items()
        if not part.get("description", "").endswith(".")
    ]
    assert bare == []


def test_no_description_is_of_a_missing_member() -> None:
    for name, schema in DOCUMENT["components"]["schemas"].items():
        assert "Attributes:" not in schema.get("description", ""), name
    strangers = {
        f"{kind.__name__}.{name}"
        for kind in _kinds(Document)
        for name in set(_own(kind)) - set(kind.__struct_fields__)
    }
    assert strangers == set()


def _kinds(kind: type[Document]) -> list[type[Document]]:
    return [each for below in kind.__subclasses__() for each in (below, *_kinds(below))]


def test_a_configuration_is_described_although_no_method_returns_its_type() -> None:
    members = DOCUMENT["components"]["schemas"]["Configuration"]["properties"]
    assert "parallelism" in DOCUMENT["components"]["schemas"]["Runtime"]["properties"]
    assert members["variables"]["description"] == "Default values of variables, by name."


def test_required_parameters_come_first_as_the_standard_requires() -> None:
    for method in DOCUMENT["methods"]:
        flags = [parameter["required"] for parameter in method["params"]]
        assert flags == sorted(flags, reverse=True)


def test_every_reference_can_be_resolved() -> None:
    for reference in _references(DOCUMENT):
        found = DOCUMENT
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]


def _references(part: Any) -> list[str]:
    if isinstance(part, dict):
        own = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
        return own + [found for value in part.values() for found in _references(value)]
    return [found for value in part for found in _references(value)] if isinstance(part, list) else []


@pytest.mark.parametrize("name", list(METHODS))
def test_the_schemas_accept_the_examples(name: str) -> None:
    [described] = [method for method in DOCUMENT["methods"] if method["name"] == name]
    example = {parameter["name"]: parameter["value"] for parameter in described["examples"][0]["params"]}
    assert SCHEMAS.params(described).is_valid(example)
    assert SCHEMAS.at(f"{SCHEMAS.places[name]}/result/schema")


def test_the_schemas_refuse_what_the_types_refuse() -> None:
    request = SCHEMAS.at("components/schemas/JobCreate")
    assert request.is_valid({"component": "a", "priority": "high"})
    assert not request.is_valid({"component": "a", "priority": "urgent"})
    assert not request.is_valid({"component": "a", "surely_unknown": 1})


def test_a_returned_job_matches_its_schema() -> None:
    job = json.loads(msgspec.json.encode(Job(id="1", run_id="1", component="a")))
    assert SCHEMAS.at("components/schemas/Job").is_valid(job)
