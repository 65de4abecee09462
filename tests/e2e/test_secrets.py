"""Secrets are encrypted wherever they are stored, and decrypted only for what runs."""

import json
from pathlib import Path
from typing import Any

import pytest

from e2e.harness import python
from e2e.wire import Message, Wire, put_component, put_config

PASSWORD = "s3cr3t-Ω-never-in-plain"
COPY = """
import os, pathlib, sys
data = pathlib.Path(os.environ["KBC_DATADIR"])
pathlib.Path(sys.argv[1]).write_text((data / "config.json").read_text())
"""
LOADER = {"component": "acme.load", "config": "daily"}
BODY = {"parameters": {"host": "db", "#password": PASSWORD}}


@pytest.fixture
def seen(place: Path) -> Path:
    """Where the component copies its config.json to."""
    return place / "seen.json"


@pytest.fixture
def loads(wire: Wire, seen: Path) -> Wire:
    put_component(wire, "acme.load", command=python(COPY, str(seen)))
    return wire


def put(wire: Wire, **more: Any) -> Message:
    return put_config(wire, "acme.load", **{"config": "daily", "configuration": BODY, **more})


def password_of(stored: Message) -> Any:
    return stored["configuration"]["parameters"]["#password"]


def test_a_secret_is_stored_encrypted_and_given_to_the_job_in_plain(loads: Wire, seen: Path) -> None:
    stored = put(loads)
    assert password_of(stored).startswith("lockside:v1:config:")
    assert password_of(loads.call("config.get", **LOADER)) == password_of(stored)
    job = loads.done(loads.create(**LOADER))
    assert job["status"] == "success", job
    assert json.loads(seen.read_text())["parameters"] == BODY["parameters"]
