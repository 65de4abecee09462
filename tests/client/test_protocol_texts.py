"""What people write is read as they mean it, and what cannot be read is refused with the way to write it."""

import pytest

from lockside.documents.enums import Status
from lockside.protocol import texts
from lockside.protocol.words import FOREIGN_STATUSES, statuses


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1.5GB", 1_610_612_736),
        ("200MB", 209_715_200),
        ("5", 5 * 2**30),
        ("0.5", 2**29),
        ("5 kb", 5120),
        ("17B", 17),
        ("1024TB", 2**50),
    ],
)
def test_memory_without_a_unit_is_gigabytes(text: str, size: int) -> None:
    assert texts.memory_bytes(text) == size


@pytest.mark.parametrize(
    "text", ["", "GB", "-1GB", "1.GB", "1e9", "1 G B", "0", "1025TB", "5GB\n", "١GB", "inf"]
)
def test_memory_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"GB|between"):
        texts.memory_bytes(text)


def test_a_duration_has_hours_minutes_and_seconds() -> None:
    assert texts.duration_seconds("02:30:00") == 9000
    assert texts.duration_seconds("100:00:00.5") == 360_000.5


@pytest.mark.parametrize(
    "text", ["", "2:30", "02:60:00", "02:00:60", "-1:00:00", "9999999:00:00", "1:00:00\n"]
)
def test_a_duration_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"02:30:00|ten years"):
        texts.duration_seconds(text)


def test_a_time_of_any_zone_is_told_in_utc_with_microseconds() -> None:
    assert texts.canonical_time("2026-01-31T08:00:00+01:00") == "2026-01-31T07:00:00.000000Z"
    assert texts.canonical_time("2026-01-31t08:00:00.1234567z") == "2026-01-31T08:00:00.123456Z"
    assert texts.canonical_time("1969-12-31T23:59:59Z") == "1969-12-31T23:59:59.000000Z"


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-31",
        "2026-01-31T08:00:00",
        "2026-02-30T08:00:00Z",
        "2026-01-31T24:00:00Z",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
        "yesterday",
    ],
)
def test_a_time_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"time|far"):
        texts.canonical_time(text)


def test_times_survive_the_way_there_and_back() -> None:
    for moment in (0, 1, 1_769_842_800_123_456, -1):
        assert texts.time_us(texts.time_text(moment)) == moment


def test_both_spellings_and_foreign_words_mean_our_statuses() -> None:
    assert statuses(["canceled"]) == statuses(["cancelled"]) == [Status.CANCELLED]
    assert statuses(["RUNNING", "JOB_STATE_COMPLETE"]) == [Status.PROCESSING, Status.SUCCESS, Status.WARNING]
    assert statuses(["queued"]) == [Status.CREATED, Status.WAITING]


def test_every_status_is_its_own_word_and_no_foreign_word_hides_one() -> None:
    assert statuses(Status) == list(Status)
    assert FOREIGN_STATUSES.keys().isdisjoint(Status)


def test_a_word_that_is_no_status_is_named() -> None:
    with pytest.raises(ValueError, match="'sleeping' is no status"):
        statuses(["running", "sleeping"])
