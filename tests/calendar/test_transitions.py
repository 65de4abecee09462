"""The treatment of wall times when clocks change, in zones that change them in different ways."""

from typing import Any

import pytest

from lockside.calendar.calendars import moments_between
from lockside.calendar.preview import preview
from lockside.documents.reading import convert
from lockside.documents.schedule import ScheduleSpec
from lockside.documents.times import time_text, time_us
from nights import BY_POLICY, NIGHTS, REAL_TIME


def schedule(**members: Any) -> ScheduleSpec:
    return convert({"id": "s", "job": {"component": "a"}, **members}, ScheduleSpec)


def moments(spec: ScheduleSpec, first: str, last: str) -> list[str]:
    found = moments_between(spec.calendar(), time_us(f"{first}:00Z") - 1, time_us(f"{last}:00Z"))
    return [time_text(one)[8:16] for one in found]


@pytest.mark.parametrize(
    ("night", "policy", "between"),
    [
        (night, policy, between)
        for night, found in zip(NIGHTS, BY_POLICY, strict=True)
        for policy, between in found.items()
    ],
)
def test_a_wall_time_that_is_missing_or_occurs_twice_follows_the_policy(
    night: tuple[str, ...], policy: str, between: str
) -> None:
    zone, line, first, last, expected = night
    kind = "gap" if policy in ("after", "shift", "skip") else "fold"
    spec = schedule(cronTab=line, timezone=zone, dst={kind: policy})
    assert moments(spec, first, last) == expected.format(between).split()


@pytest.mark.parametrize(("line", "first", "last", "expected"), REAL_TIME)
def test_a_line_of_intervals_skips_no_real_time(line: str, first: str, last: str, expected: str) -> None:
    assert moments(schedule(cronTab=line, timezone="Europe/Prague"), first, last) == expected.split()


def test_a_day_that_a_zone_leaves_out_moves_or_is_skipped() -> None:
    """Samoa had no 30 December 2011."""
    for gap, expected in (("after", "30T10:00"), ("shift", "30T19:00"), ("skip", "")):
        spec = schedule(cronTab="0 9 30 12 *", timezone="Pacific/Apia", dst={"gap": gap})
        assert moments(spec, "2011-12-29T00:00", "2012-01-02T00:00") == expected.split()


def test_several_lines_are_one_calendar_and_moments_that_coincide_are_one() -> None:
    spec = schedule(cronTab=["30 2 * * *", "0 3 * * *", "@daily"], timezone="Europe/Prague")
    assert moments(spec, "2026-03-28T22:00", "2026-03-29T20:00") == ["28T23:00", "29T01:00"]
    assert spec.effective_dst().gap == "after"


def test_a_preview_explains_gaps_and_excluded_dates() -> None:
    spec = schedule(cronTab="30 2 * * *", timezone="Europe/Prague", excludeDates=["2026-03-30"])
    shown = preview(spec, time_us("2026-03-28T12:00:00Z"), 3)
    assert [one["note"] for one in shown["moments"]] == [
        "02:30 does not exist; fires at 03:00",
        "2026-03-30 is excluded; does not fire",
        None,
    ]
    assert shown["moments"][0]["utcOffset"] == "+02:00"
    assert shown["says"] == "At 02:30 every day, Europe/Prague, except on 2026-03-30"


def test_periods_count_from_their_start_or_from_1970_in_real_time() -> None:
    assert moments(schedule(every="45m"), "2026-01-05T08:00", "2026-01-05T10:00") == [
        *("05T08:15", "05T09:00", "05T09:45")
    ]
    spec = schedule(every="45m", startTime="2026-01-05T08:10:00Z", endTime="2026-01-05T09:40:00Z")
    assert moments(spec, "2026-01-05T00:00", "2026-01-06T00:00") == ["05T08:10", "05T08:55", "05T09:40"]


def test_offsets_are_zones_too() -> None:
    assert moments(
        schedule(cronTab="0 9 * * *", timezone="+05:30"), "2026-01-05T00:00", "2026-01-05T12:00"
    ) == ["05T03:30"]
