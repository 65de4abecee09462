"""The examples of the JSON-RPC 2.0 specification, section 7, with parameters by name."""

import json
from pathlib import Path
from typing import Any

import pytest

from server.serving import running

PING = b'{"jsonrpc": "2.0", "method": "echo", "params": {"value": "ping"}, "id": "ping"}\n'
PONG = {"jsonrpc": "2.0", "result": "ping", "id": "ping"}

EXAMPLES: list[tuple[str, str, Any]] = [
    (
        "named parameters",
        '{"jsonrpc": "2.0", "method": "subtract", "params": {"subtrahend": 23, "minuend": 42}, "id": 3}',
        {"jsonrpc": "2.0", "result": 19, "id": 3},
    ),
    (
        "named parameters in another order",
        '{"jsonrpc": "2.0", "method": "subtract", "params": {"minuend": 42, "subtrahend": 23}, "id": 4}',
        {"jsonrpc": "2.0", "result": 19, "id": 4},
    ),
    (
        "positional parameters",
        '{"jsonrpc": "2.0", "method": "subtract", "params": [42, 23], "id": 1}',
        (-32602, 1),
    ),
    ("a notification", '{"jsonrpc": "2.0", "method": "update", "params": [1,2,3,4,5]}', None),
    ("a notification of no method", '{"jsonrpc": "2.0", "method": "foobar"}', None),
    ("no such method", '{"jsonrpc": "2.0", "method": "foobar", "id": "1"}', (-32601, "1")),
    ("invalid JSON", '{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]', (-32700, None)),
    ("an invalid request", '{"jsonrpc": "2.0", "method": 1, "params": "bar"}', (-32600, None)),
    (
        "a batch of invalid JSON",
        '[ {"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"}, {"jsonrpc": "2.0", "method" ]',
        (-32700, None),
    ),
    ("an empty batch", "[]", (-32600, None)),
    ("an invalid batch that is not empty", "[1]", [(-32600, None)]),
    ("an invalid batch", "[1,2,3]", [(-32600, None)] * 3),
    (
        "a batch",
        """[
        {"jsonrpc": "2.0", "method": "subtract", "params": {"minuend": 42, "subtrahend": 23}, "id": "2"},
        {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]},
        {"foo": "boo"},
        {"jsonrpc": "2.0", "method": "foo.get", "params": {"name": "myself"}, "id": "5"},
        {"jsonrpc": "2.0", "method": "echo", "params": {"value": ["hello", 5]}, "id": "9"}
        ]""".replace("\n", " "),
        [
            {"jsonrpc": "2.0", "result": 19, "id": "2"},
            (-32600, None),
            (-32601, "5"),
            {"jsonrpc": "2.0", "result": ["hello", 5], "id": "9"},
        ],
    ),
    (
        "a batch of notifications",
        '[{"jsonrpc": "2.0", "method": "echo", "params": {}}, {"jsonrpc": "2.0", "method": "no"}]',
        None,
    ),
]


@pytest.mark.parametrize(
    ("text", "expected"), [example[1:] for example in EXAMPLES], ids=[e[0] for e in EXAMPLES]
)
async def test_the_examples_of_the_specification_are_answered_as_specified(
    tmp_path: Path, text: str, expected: Any
) -> None:
    async with running(tmp_path) as served, served.client() as client:
        await client.send_raw(text.encode() + b"\n")
        if expected is not None:
            assert_is_as_expected(await client.answer(), expected)
        await client.send_raw(PING)
        assert await client.answer() == PONG, "nothing more was answered"


def assert_is_as_expected(answer: Any, expected: Any) -> None:
    """Dicts are whole answers, pairs are the code and id of an error, lists are batches in any order."""
    if isinstance(expected, list):
        assert isinstance(answer, list)
        remaining = [summary(part) for part in answer]
        for part in expected:
            remaining.remove(part if isinstance(part, tuple) else summary(part))
        assert remaining == []
    else:
        assert summary(answer) == (expected if isinstance(expected, tuple) else summary(expected))


def summary(answer: dict[str, Any]) -> Any:
    assert answer["jsonrpc"] == "2.0"
    if "error" not in answer:
        return json.dumps(answer, sort_keys=True)
    assert set(answer) == {"jsonrpc", "id", "error"}
    assert isinstance(answer["error"]["message"], str)
    return answer["error"]["code"], answer["id"]


async def test_an_empty_list_of_parameters_means_none(tmp_path: Path) -> None:
    async with running(tmp_path) as served, served.client() as client:
        await client.send_raw(b'{"jsonrpc": "2.0", "method": "echo", "params": [], "id": 1}\n')
        assert await client.answer() == {"jsonrpc": "2.0", "id": 1, "result": None}


@pytest.mark.parametrize("request_id", ["", "\u00e4\u20ac", 0, -1, 2**63, 1.5, None, "0" * 1000], ids=str)
async def test_every_id_is_returned_unchanged(tmp_path: Path, request_id: Any) -> None:
    async with running(tmp_path) as served, served.client() as client:
        assert await client.call("echo", request_id, value=[]) == {
            "jsonrpc": "2.0",
            "id": request_id,
            "result": [],
        }


async def test_the_last_of_equal_keys_counts(tmp_path: Path) -> None:
    async with running(tmp_path) as served, served.client() as client:
        text = (
            b'{"jsonrpc":"2.0","id":1,"id":2,"method":"x","method":"echo","params":{"value":1,"value":2}}\n'
        )
        await client.send_raw(text)
        assert await client.answer() == {"jsonrpc": "2.0", "id": 2, "result": 2}
