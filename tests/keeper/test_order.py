"""An order is validated before anything is done for it."""

from typing import Any

import pytest

from locksided.keeper.start.order import BadOrder, parse

GOOD: dict[str, Any] = {
    "token": "1-1-0",
    "folder": "/f",
    "pipeline": [["true"]],
    "cwd": "/",
    "env": {},
    "logFolder": "/l",
}


def test_a_field_that_is_omitted_has_its_default() -> None:
    order = parse(GOOD)
    assert (order.grace_seconds, order.stop_signal, order.timeout_seconds) == (10.0, 15, None)
    assert order.stages == [[b"true"]]
    assert not order.waits_for_leftovers


def test_a_shell_string_becomes_a_command_of_the_shell() -> None:
    assert parse({**GOOD, "shell": True, "pipeline": [["a | b"]]}).stages == [[b"/bin/sh", b"-c", b"a | b"]]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("token", "../x"),
        ("token", 7),
        ("folder", "relative"),
        ("pipeline", []),
        ("pipeline", [[]]),
        ("pipeline", [[""]]),
        ("pipeline", "true"),
        ("pipeline", [["a\0b"]]),
        ("pipeline", [["\ud800"]]),
        ("env", {"A": 1}),
        ("env", {"A=B": "1"}),
        ("env", []),
        ("user", {"uid": 1}),
        ("user", 5),
        ("user", {"uid": -1, "gid": 0, "groups": []}),
        ("user", {"uid": 2**32 - 1, "gid": 0, "groups": []}),
        ("user", {"uid": 1, "gid": 1, "groups": ["2"]}),
        ("timeoutSeconds", 10**400),
        ("timeoutSeconds", 0),
        ("timeoutSeconds", "1"),
        ("graceSeconds", -1),
        ("stopSignal", 99),
        ("memoryBytes", True),
        ("secrets", "abc"),
    ],
)
def test_a_wrong_field_is_refused_by_name(field: str, value: object) -> None:
    with pytest.raises(BadOrder):
        parse({**GOOD, field: value})
