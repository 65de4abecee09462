"""Messages of a keeper of any release are read, and an unreadable part affects only the run it is about."""

import json
from typing import Any

import pytest

from locksided.backends.messages import read_hello, read_message, read_outcome
from locksided.backends.raw_json import NotWhole, items, members
from locksided.keeper import outcome
from locksided.keeper.messages import Ended, Hello, Outcome, to_wire

GOOD = {"token": "2-1-0", "state": "ended", "paused": False, "outcome": to_wire(outcome.blank("2-1-0"))}
DEEP = "[" * 980 + "]" * 980


def hello(*runs: str, **more: Any) -> Hello:
    """Read a hello with these runs, each given as text, and a valid one."""
    text = json.dumps({"op": "hello", "version": 1, "pid": 7, "runs": "RUNS", **more})
    return read_hello(text.replace('"RUNS"', f"[{', '.join((*runs, json.dumps(GOOD)))}]").encode())


BAD_VALUES = ["Infinity", "NaN", "1e400", DEEP, '"\\ud800"', "tru"]


@pytest.mark.parametrize("value", BAD_VALUES)
@pytest.mark.parametrize("outcome_text", ["VALUE", '{"exitCode": 3, "progress": {"outputs": [VALUE]}}'])
def test_an_unreadable_outcome_affects_only_its_own_run(outcome_text: str, value: str) -> None:
    bad = outcome_text.replace("VALUE", value)
    lost, good = hello(f'{{"token": "1-1-0", "state": "ended", "paused": false, "outcome": {bad}}}').runs
    assert (good.token, good.outcome) == ("2-1-0", outcome.blank("2-1-0"))
    assert (lost.token, lost.state) == ("1-1-0", "ended")
    assert lost.outcome is not None
    assert lost.outcome.token == "1-1-0"
    assert lost.outcome.unreadable


def test_the_readable_fields_of_an_unreadable_outcome_are_kept() -> None:
    bad = '{"token": "1-1-0", "state": "ended", "outcome": {"exitCode": 3, "pid": 5, "progress": {"x": NaN}}}'
    found = hello(bad).runs[0].outcome
    assert found is not None
    assert found.unreadable is not None
    assert found.unreadable.startswith("JSON is malformed")
    assert found._replace(unreadable=None) == Outcome("1-1-0", exit_code=3, pid=5)


@pytest.mark.parametrize(
    "field", ['"pid": "x"', '"spawnTime": 1e400', '"state": "frozen"', f'"paused": {DEEP}']
)
def test_a_living_run_is_adopted_whatever_else_its_entry_contains(field: str) -> None:
    run = hello('{"token": "1-1-0", "state": "running", "outcome": null, ' + field + "}").runs[0]
    assert (run.token, run.state, run.outcome, run.pid) == ("1-1-0", "running", None, None)


def test_a_run_without_a_token_and_malformed_strays_affect_no_other_run() -> None:
    assert [run.token for run in hello('{"token": 5}', "{}", "7", '{"x": Infinity}').runs] == ["2-1-0"]
    assert hello(strays=[{"pid": "x"}], build=5, newer={"a": 1}).build == ""


@pytest.mark.parametrize("value", BAD_VALUES)
def test_an_unreadable_end_is_an_end_marked_as_unreadable(value: str) -> None:
    line = f'{{"op": "ended", "token": "1-1-0", "outcome": {{"exitCode": 3, "progress": {{"a": {value}}}}}}}'
    message = read_message(line.encode())
    assert isinstance(message, Ended)
    assert (message.token, message.outcome.exit_code) == ("1-1-0", 3)
    assert message.outcome.unreadable


@pytest.mark.parametrize(
    "line", ['{"op": "refused", "token": "1-1-0", "kind": 5}', '{"op": "ended", "token": "1-1-0"}']
)
def test_an_end_that_lacks_a_required_field_is_also_unreadable(line: str) -> None:
    message = read_message(line.encode())
    assert isinstance(message, Ended)
    assert message.outcome.unreadable


@pytest.mark.parametrize(
    "line",
    [b"", b"{", b"[]", b"\xff", b'{"op": "ended", "token": "1-1-0", "outcome": {',
     b'{"op": "ended", "token": Infinity}', b"[" * 100_000],
)  # fmt: skip
def test_any_other_line_that_cannot_be_read_is_refused(line: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_message(line)


def test_a_record_is_read_or_marked_as_unreadable_or_none_if_incomplete() -> None:
    whole = json.dumps(to_wire(outcome.blank("1-1-0")))
    assert read_outcome(whole.encode()) == outcome.blank("1-1-0")
    bad = read_outcome(whole.replace('"progress": {}', '"progress": {"a": Infinity}').encode())
    assert bad is not None
    assert bad.unreadable
    for cut in range(len(whole)):
        assert read_outcome(whole[:cut].encode()) is None


def test_json_is_cut_at_its_delimiters_whatever_its_strings_contain() -> None:
    assert members(b' {"a": [1, "},{"], "b\\"" : NaN ,"c":{"d": {}}} ') == {
        "a": b'[1, "},{"]',
        'b"': b"NaN",
        "c": b'{"d": {}}',
    }
    assert items(b'[1, [2, 3], "]", {"a": 4}]') == [b"1", b"[2, 3]", b'"]"', b'{"a": 4}']
    assert (items(b"[]"), members(b"{}")) == ([], {})
    for text in (b"", b"[", b"{1: 2}", b'{"a": 1', b"[1] 2", b"1"):
        with pytest.raises(NotWhole):
            members(text) if text.startswith(b"{") else items(text)


def test_a_number_of_bytes_stays_a_whole_number() -> None:
    found = read_outcome(b'{"token": "1-1-0", "maxRssBytes": 9000000, "userSeconds": 1}')
    assert found is not None
    assert (str(found.max_rss_bytes), str(found.user_seconds)) == ("9000000", "1.0")
