"""Times of schedules on the command line: in the schedule's zone, with its offset."""

from datetime import datetime

import pytest

from lockside.cli.catalog.schedule_times import moment, rules, shown

NOW = datetime.fromisoformat("2026-03-28T20:00:00+00:00")
PRAGUE = rules("Europe/Prague")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("22:30", "2026-03-28T21:30:00.000000Z"),
        ("18:00", "2026-03-29T16:00:00.000000Z"),
        ("yesterday", "2026-03-26T23:00:00.000000Z"),
        ("2026-04-01", "2026-03-31T22:00:00.000000Z"),
        ("2026-01-01T08:00", "2026-01-01T07:00:00.000000Z"),
        ("2026-01-01T08:00:00Z", "2026-01-01T08:00:00.000000Z"),
    ],
)
def test_a_time_is_read_in_the_zone_of_the_schedule(text: str, expected: str) -> None:
    assert moment(text, PRAGUE, NOW) == expected


def test_an_invalid_time_is_refused_with_examples() -> None:
    with pytest.raises(ValueError, match='"yesterday"'):
        moment("soon", PRAGUE, NOW)


def test_a_time_is_shown_with_its_offset() -> None:
    assert shown("2026-03-29T01:00:00.000000Z", PRAGUE) == "2026-03-29 03:00:00+02:00"
    assert shown(None, PRAGUE) == ""
