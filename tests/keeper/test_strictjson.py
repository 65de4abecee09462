"""JSON of jobs is read strictly, in bounded time and depth; values that JSON cannot express are left out."""

import json
from typing import Any

import pytest

from locksided.keeper import wire
from locksided.keeper.strictjson import BadJson, is_deeper, read


@pytest.mark.parametrize("value", [{}, [], "", "é\0", 2**63 - 1, -(2**63), 1e308, None, {"a": [{"b": True}]}])
def test_valid_json_is_read_unchanged(value: Any) -> None:
    assert read(json.dumps(value).encode(), 10) == value
    assert read(json.dumps(value, ensure_ascii=False).encode(), 10) == value


def test_a_byte_order_mark_is_skipped() -> None:
    assert read(b'\xef\xbb\xbf{"a": 1}', 1) == {"a": 1}


def test_a_surrogate_pair_is_one_character_and_a_lone_surrogate_is_refused() -> None:
    assert read(b'"\\ud83d\\ude00"', 1) == "\U0001f600"
    with pytest.raises(BadJson, match="half of a surrogate pair"):
        read(b'{"\\udcff": 1}', 1)


def test_the_last_of_several_equal_keys_counts() -> None:
    assert read(b'{"a": 1, "a": 2}', 1) == {"a": 2}


@pytest.mark.parametrize("depth", [1, 2, 32, 5000])
def test_depth_is_counted_outside_of_strings(depth: int) -> None:
    text = b'{"[[[\\"[[[": ' * depth + b"1" + b"}" * depth
    assert not is_deeper(text, depth)
    assert is_deeper(text, depth - 1)


@pytest.mark.parametrize("bad", [float("inf"), float("nan"), {1j: 1}, object(), {"a": [1, float("-inf")]}])
def test_a_value_that_is_not_json_becomes_null_and_the_message_is_sent(bad: Any) -> None:
    said = wire.encode({"op": "ended", "token": "1-1-0", "outcome": {"exitCode": 0, "progress": bad}})
    message = json.loads(said, parse_constant=pytest.fail)
    assert message["outcome"]["exitCode"] == 0
    assert message["token"] == "1-1-0"


def test_a_value_that_is_too_deep_to_be_encoded_is_cut_where_it_is_too_deep() -> None:
    deep: Any = 1
    for _ in range(2000):
        deep = [deep]
    line = wire.encode({"op": "ended", "token": "1-1-0", "outcome": {"exitCode": 0, "progress": deep}})
    assert not is_deeper(line, wire.MAX_LEVELS)
    assert wire.decode(line)["outcome"]["exitCode"] == 0
