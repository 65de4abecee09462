"""Only sound progress is taken from a job."""

import pytest

from locksided.keeper.progress import parse


def test_the_four_known_fields_are_taken() -> None:
    line = b'{"progress": 0.4, "message": "m", "counts": {"success": 10}, "outputs": [{"a": 1}]}'
    assert parse(line) == {
        "progress": 0.4,
        "message": "m",
        "counts": {"success": 10},
        "outputs": [{"a": 1}],
    }


@pytest.mark.parametrize(
    "line",
    [
        b"hello",
        b"[1]",
        b"",
        b'{"progress": NaN}',
        b'{"progress": 1.5}',
        b'{"progress": true}',
        b'{"status": "success"}',
        b'{"message": "\\ud800"}',
        b'{"outputs": [' + b"[" * 50_000,
        b'{"counts": {"success": 100000000000000000000}}',
        b"\xff\xfe",
    ],
)
def test_a_line_that_is_not_sound_says_nothing(line: bytes) -> None:
    assert parse(line) == {}


def test_a_field_of_the_wrong_type_does_not_hide_the_others() -> None:
    assert parse(b'{"progress": "half", "message": "m", "counts": 3}') == {"message": "m"}
