"""The GELF settings of a manifest, as they are sent to the keeper."""

from typing import Any

import pytest

from lockside.documents.component import Logging
from lockside.documents.reading import convert
from locksided.keeper.messages import Gelf
from locksided.runs.start_order import gelf_of


def gelf_settings(**logging: Any) -> Gelf | None:
    return gelf_of(convert(logging, Logging))


def test_a_component_without_gelf_has_no_listener() -> None:
    assert gelf_settings() is None
    assert gelf_settings(type="standard", transport="udp") is None


@pytest.mark.parametrize(
    ("logging", "gelf"),
    [
        ({}, Gelf("tcp", "cccssssn")),
        ({"transport": "udp", "verbosity": {"100": "normal", "600": "none"}}, Gelf("udp", "nccsssss")),
        (
            {"transport": "http", "verbosity": {"250": "verbose", "400": "camouflage"}},
            Gelf("http", "ccccsvsn"),
        ),
    ],
)
def test_each_level_has_its_visibility(logging: dict[str, Any], gelf: Gelf) -> None:
    assert gelf_settings(type="gelf", **logging) == gelf
