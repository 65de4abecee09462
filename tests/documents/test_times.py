"""Times are read in any zone and written in one form."""

import pytest

from lockside.documents import times


def test_a_time_of_any_zone_is_written_in_utc_with_microseconds() -> None:
    assert times.canonical_time("2026-01-31T08:00:00+01:00") == "2026-01-31T07:00:00.000000Z"
    assert times.canonical_time("2026-01-31t08:00:00.1234567z") == "2026-01-31T08:00:00.123456Z"
    assert times.canonical_time("1969-12-31T23:59:59Z") == "1969-12-31T23:59:59.000000Z"


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
def test_an_invalid_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"time|far"):
        times.canonical_time(text)


def test_times_survive_a_round_trip() -> None:
    for moment in (0, 1, 1_769_842_800_123_456, -1):
        assert times.time_us(times.time_text(moment)) == moment
