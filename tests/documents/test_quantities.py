"""Quantities are read as people write them, and unreadable ones are refused with the correct form."""

import pytest

from lockside.cli import option_values
from lockside.documents import quantities, signals


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1.5GB", 1_500_000_000),
        ("200MB", 200_000_000),
        ("200 mb", 200_000_000),
        ("2K", 2000),
        ("1M", 1_000_000),
        ("1T", 10**12),
        ("1.5GiB", 3 * 2**29),
        ("64KiB", 65_536),
        ("1Ti", 2**40),
        ("5", 5_000_000_000),
        ("0.5", 500_000_000),
        ("17B", 17),
        ("1024TiB", 2**50),
    ],
)
def test_sizes_have_decimal_or_binary_units_and_are_gigabytes_without_a_unit(text: str, size: int) -> None:
    assert quantities.size(text) == size


def test_a_size_can_be_in_bytes_and_a_setting_can_define_the_default_unit() -> None:
    assert quantities.size(4096) == 4096
    assert quantities.size("65536", bare="B") == 65_536


@pytest.mark.parametrize(
    "text", ["", "GB", "-1GB", "1.GB", "1e9", "1 G B", "0", "0GB", "1025TiB", "5GB\n", "١GB", "inf", "1iB"]
)
def test_an_invalid_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a size"):
        quantities.size(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (90, 90),
        ("90", 90),
        ("90s", 90),
        ("1.5h", 5400),
        ("1h30m", 5400),
        ("2d", 172_800),
        ("250ms", 0.25),
        ("2:30:00", 9000),
        ("02:30:00", 9000),
        ("100:00:00.5", 360_000.5),
    ],
)
def test_durations_are_seconds_or_texts(text: str | float, seconds: float) -> None:
    assert quantities.duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    ["", "02:60:00", "02:00:60", "-1:00:00", "9999999:00:00", "1:00:00\n", "٣", "soon", "1h 30m", "1e3"],
)
def test_an_invalid_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"02:30:00|ten years"):
        quantities.duration(text)


@pytest.mark.parametrize("number", [-1, float("nan"), float("inf"), 1e308])
def test_a_number_that_is_not_a_duration_is_refused(number: float) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        quantities.duration(number)


@pytest.mark.parametrize(
    ("text", "readings"), [("02:30", ("02:30:00", "00:02:30")), ("24:00", ("24:00:00", "00:24:00"))]
)
def test_an_ambiguous_duration_is_refused_with_both_readings(text: str, readings: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match="can be hours and minutes") as caught:
        quantities.duration(text)
    assert all(reading in str(caught.value) for reading in readings)


def test_a_limit_is_greater_than_zero() -> None:
    assert quantities.time_limit("1s") == 1
    for nothing in (0, "0", "0s", "00:00:00"):
        with pytest.raises(ValueError, match="more than 0"):
            quantities.time_limit(nothing)


@pytest.mark.parametrize(("value", "number"), [("high", 50), ("lowest", -100), ("-7", -7), (3, 3)])
def test_a_priority_is_a_word_or_a_number(value: str | int, number: int) -> None:
    assert quantities.priority(value) == number


@pytest.mark.parametrize("value", ["urgent", "HIGH", "101", 101, "3.0", "٣", ""])
def test_an_invalid_priority_is_refused_with_the_valid_words(value: str | int) -> None:
    with pytest.raises(ValueError, match="lowest, low, normal, high, highest"):
        quantities.priority(value)


def test_a_count_is_a_whole_number_or_infinity() -> None:
    assert [quantities.count(value) for value in ("4", 0, "infinity", "inf")] == [
        4,
        0,
        "infinity",
        "infinity",
    ]
    for wrong in ("-1", "four", "٣", "1000001", 1_000_001):
        with pytest.raises(ValueError, match=r"1000000|whole number"):
            quantities.count(wrong)


def test_the_command_line_reads_with_the_same_functions() -> None:
    assert option_values.KINDS["duration"]("1.5h") == quantities.duration("1.5h")
    assert option_values.KINDS["size"]("2GiB") == quantities.size("2GiB")
    with pytest.raises(ValueError, match="02:30:00"):
        option_values.KINDS["duration"]("02:30")


def test_every_signal_has_a_name_and_a_number() -> None:
    for number in (1, 9, 15, 34, 40, 64):
        assert signals.number(signals.name(number)) == number
    assert [signals.number(one) for one in ("SIGTERM", "term", 15)] == [15, 15, 15]
    for wrong in ("SIGFOO", "", 0, 65, "SIGRTMIN+99"):
        with pytest.raises(ValueError, match="is not a signal"):
            signals.name(wrong)
