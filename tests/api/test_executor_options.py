"""Messages about options of a pool that its executor does not accept."""

from typing import Any

import pytest

from locksided.backends.kinds import Kind

KIND = Kind(
    "far",
    "1",
    options_schema={
        "type": "object",
        "required": ["workRoot"],
        "properties": {
            "workRoot": {"type": "string", "pattern": "^/"},
            "nodes": {"type": "integer"},
            "clusters": {"type": "string", "not": {"const": "all"}},
        },
        "additionalProperties": False,
    },
)


@pytest.mark.parametrize(
    ("options", "path", "says"),
    [
        ({}, ".workRoot", "it is required: give `--option workRoot=…`, or name it in `options`"),
        ({"workRoot": "here"}, ".workRoot", "it must begin with /"),
        ({"workRoot": "/x", "nodes": "two"}, ".nodes", '"two" is not of type "integer"'),
        ({"workRoot": "/x", "clusters": "all"}, ".clusters", "all is not taken"),
        ({"workRoot": "/x", "node": 2}, ".node", "there is no such option"),
    ],
)
def test_an_option_that_is_missing_or_wrong_is_named_with_what_to_do(
    options: dict[str, Any], path: str, says: str
) -> None:
    assert KIND.trouble(options) == (path, says)


def test_options_that_match_the_schema_are_accepted() -> None:
    assert KIND.trouble({"workRoot": "/x", "nodes": 2}) is None
