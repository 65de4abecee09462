"""Compares the calendar with an independent computation: cronsim's wall times, each converted to moments."""

import random
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import takewhile
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim

from campaign.figures import LONG
from lockside.calendar.calendars import Cron, moments_between, policies
from lockside.calendar.lines import line
from lockside.calendar.walltimes import Fold, Gap, plain_us

ZONES = (
    *("Europe/Prague", "America/New_York", "Australia/Lord_Howe"),
    *("Africa/Casablanca", "America/Santiago", "Asia/Kathmandu"),
)
YEARS = (datetime(2024, 1, 1), datetime(2029, 1, 1))
LINES = 200 if LONG else 40
MOST_OF_A_DAY = 3
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


def random_line(chance: random.Random) -> str:
    """Return a dense or sparse line."""
    minute = chance.choice(["0", "30", "*/20", "59", f"{chance.randrange(60)}", "1-59/29"])
    hour = chance.choice(["0", "1", "2", "3", "23", "*", "*/6", "1-3", f"{chance.randrange(24)}"])
    day = chance.choice(["*", "*", "*", "1", "L", "LW", "13", "25-31", "*/5"])
    month = chance.choice(["*", "*", "*", "3,4,10,11", "MAR", "FEB"])
    weekday = chance.choice(["*", "*", "*", "SUN", "6,7", "MON#2", "5L", "MON-FRI"])
    return f"{minute} {hour} {day} {month} {weekday}"


@cache
def lines() -> list[str]:
    """Return the same lines for all zones."""
    chance = random.Random(200)
    return [random_line(chance) for _ in range(LINES)]


@cache
def wall_times(text: str, first: datetime, last: datetime) -> list[datetime]:
    """Return the wall times that cronsim computes."""
    return list(takewhile(lambda wall: wall <= last, CronSim(text, first)))


@cache
def offsets(zone: ZoneInfo) -> list[timedelta]:
    """Return all offsets of the years."""
    days = (YEARS[0].replace(tzinfo=UTC) + timedelta(days=day) for day in range((YEARS[1] - YEARS[0]).days))
    return sorted({day.astimezone(zone).utcoffset() or timedelta() for day in days})


@cache
def expected_moments(wall: datetime, zone: ZoneInfo, gap: Gap, fold: Fold) -> list[int]:
    """Return the moments of a wall time according to the policies for gaps and folds."""
    tried = [(wall - ahead).replace(tzinfo=UTC) for ahead in offsets(zone)]
    shown = [one for one in tried if one.astimezone(zone).replace(tzinfo=None) == wall]
    if len(shown) == 2:
        shown = {Fold.FIRST: shown[-1:], Fold.SECOND: shown[:1], Fold.BOTH: shown}[fold]
    elif not shown and gap is not Gap.SKIP:
        last = wall - HOUR * 3
        while shows(last + MINUTE, zone):
            last += MINUTE
        end = last.replace(tzinfo=zone).astimezone(UTC) + MINUTE
        shown = [end if gap is Gap.AFTER else end + (wall - last - MINUTE)]
    return [plain_us(one.replace(tzinfo=None)) for one in shown]


def shows(wall: datetime, zone: ZoneInfo) -> bool:
    """Return whether the zone's clock ever shows a time."""
    return wall.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None) == wall


@cache
def windows(zone: ZoneInfo, dense: bool) -> list[tuple[datetime, datetime]]:
    """Return the five years; for dense lines, the weeks in which the offset changes."""
    if not dense:
        return [YEARS]
    found, day = [], YEARS[0] + timedelta(days=10)
    while day < YEARS[1] - timedelta(days=10):
        later = day + timedelta(days=1)
        if day.replace(tzinfo=zone).utcoffset() != later.replace(tzinfo=zone).utcoffset():
            found.append((day - timedelta(days=2), day + timedelta(days=3)))
        day = later
    return found or [(YEARS[0], YEARS[0] + timedelta(days=7))]


@pytest.mark.parametrize("name", ZONES)
def test_lines_give_the_same_wall_times_as_cronsim(name: str) -> None:
    chance, zone = random.Random(name), ZoneInfo(name)
    for text in lines():
        parsed = line(text)
        gap, fold = policies(parsed, chance.choice([None, *Gap]), chance.choice([None, *Fold]))
        calendar = Cron([parsed], zone, gap, fold)
        for first, last in windows(zone, dense=len(parsed.minutes) > MOST_OF_A_DAY):
            named = wall_times(text, first - timedelta(days=2), last + timedelta(days=2))
            from_us, to_us = plain_us(first), plain_us(last)
            expected = {one for wall in named for one in expected_moments(wall, zone, gap, fold)}
            wanted = sorted(one for one in expected if from_us < one <= to_us)
            assert list(moments_between(calendar, from_us, to_us)) == wanted, (text, name, gap, fold)
            assert calendar.count(from_us + 1, to_us, 10**9) == len(wanted)
            for place in range(1, len(wanted), max(len(wanted) // 20, 1)):
                assert calendar.before(wanted[place]) == wanted[place - 1]
