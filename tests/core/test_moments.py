"""Every moment of a schedule gets exactly one outcome, in whatever steps time passes."""

import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

import pytest

from lockside.calendar.calendars import Calendar, Cron, Every, moments_between
from lockside.calendar.lines import line
from lockside.calendar.walltimes import plain_us
from lockside.calendar.zones import zone
from lockside.documents.enums import MisfirePolicy, MomentCause, MomentOutcome, OverlapPolicy
from locksided.core.moments import (
    Candidate,
    Due,
    Pause,
    Standing,
    Stretch,
    Terms,
    next_due_us,
    sort_due,
)
from locksided.core.overlap import Live, NewJob, overlap

SECOND = 1_000_000
MINUTE, HOUR, DAY = 60 * SECOND, 3600 * SECOND, 86_400 * SECOND
START = 1_774_700_000 * SECOND  # the day before the clocks change in Prague
PRAGUE = zone("Europe/Prague").rules


def hourly(**members: object) -> Terms:
    return Terms(Every(HOUR, 0, PRAGUE), **members)  # type: ignore[arg-type]


def brief(due: Due) -> list[tuple[str, str, int | None]]:
    rows = [(str(one.outcome), str(one.cause), one.count) for one in due.stretches]
    return rows + [
        ("candidate", str(one.cause), sum(each.count or 0 for each in one.absorbs)) for one in due.candidates
    ]


NOON = 12 * HOUR


@pytest.mark.parametrize(
    ("members", "late", "expected"),
    [
        ({}, 30 * SECOND, [("candidate", "time", 3)]),
        ({}, 5 * MINUTE, [("candidate", "misfire", 3)]),
        ({"misfire": MisfirePolicy.SKIP}, 30 * SECOND, [("missed", "misfire", 3), ("candidate", "time", 0)]),
        ({"misfire": MisfirePolicy.ALL}, 5 * MINUTE, [("candidate", "misfire", 0)] * 4),
        (
            {"misfire": MisfirePolicy.ALL, "limit": 2},
            5 * MINUTE,
            [("missed", "limit", 2), ("candidate", "misfire", 0), ("candidate", "misfire", 0)],
        ),
        ({"within_us": 90 * MINUTE}, 5 * MINUTE, [("missed", "too_late", 2), ("candidate", "misfire", 1)]),
        (
            {"exclusions": [(10 * HOUR, 11 * HOUR + 1)]},
            0,
            [("skipped", "excluded", 2), ("candidate", "time", 1)],
        ),
    ],
)
def test_late_moments_are_treated_by_the_misfire_policy(
    members: dict[str, object], late: int, expected: list[tuple[str, str, int | None]]
) -> None:
    due = sort_due(hourly(**members), Standing(8 * HOUR), NOON + late)
    assert brief(due) == expected
    assert due.through_us == NOON


def test_moments_due_during_a_pause_are_skipped_and_later_ones_are_not() -> None:
    pause = Pause(9 * HOUR + MINUTE, 11 * HOUR + MINUTE)
    due = sort_due(hourly(), Standing(9 * HOUR, pause), NOON)
    assert brief(due) == [("skipped", "paused", 2), ("candidate", "time", 0)]
    caught_up = Pause(9 * HOUR + MINUTE, catch_up=MisfirePolicy.ALL)
    assert brief(sort_due(hourly(), Standing(9 * HOUR, caught_up), NOON)) == [("candidate", "misfire", 0)] * 3


def test_jitter_changes_when_moments_are_due_but_not_the_moments() -> None:
    terms = hourly(offset_us=10 * MINUTE)
    assert sort_due(terms, Standing(11 * HOUR), NOON + 9 * MINUTE) == Due()
    assert next_due_us(terms, Standing(11 * HOUR)) == NOON + 10 * MINUTE
    [candidate] = sort_due(terms, Standing(11 * HOUR), NOON + 10 * MINUTE).candidates
    assert candidate == Candidate(NOON, MomentCause.TIME)


def test_moments_decided_before_the_clock_was_set_back_are_not_decided_again() -> None:
    due = sort_due(hourly(), Standing(8 * HOUR, decided=[(9 * HOUR, 10 * HOUR)]), NOON)
    assert brief(due) == [("candidate", "time", 1)]
    assert due.candidates[0].absorbs[0].first_us == 11 * HOUR


def test_moments_too_many_to_count_are_one_stretch() -> None:
    terms = Terms(Every(SECOND, 0, PRAGUE), misfire=MisfirePolicy.SKIP)
    [missed] = sort_due(terms, Standing(0), 400 * DAY).stretches
    assert (missed.count, missed.last_us) == (None, 400 * DAY - 60 * SECOND)


# -- overlap ------------------------------------------------------------------------------------------------


def moments(*hours: int, is_caught_up: bool = False) -> list[Candidate]:
    return [Candidate(hour * HOUR, MomentCause.TIME, is_caught_up) for hour in hours]


WAITING, RUNNING = Live(7, has_started=False), Live(6, has_started=True)


@pytest.mark.parametrize(
    ("policy", "live", "expected", "terminates"),
    [
        (OverlapPolicy.QUEUE, [], [NewJob(0), NewJob(0)], ()),
        (OverlapPolicy.QUEUE, [RUNNING], [NewJob(0), NewJob(0)], ()),
        (OverlapPolicy.QUEUE, [RUNNING, WAITING], [7, 7], ()),
        (OverlapPolicy.SKIP, [], [NewJob(0), None], ()),
        (OverlapPolicy.SKIP, [RUNNING], [None, None], ()),
        (OverlapPolicy.REPLACE, [RUNNING, WAITING], [NewJob(0), NewJob(0)], (6, 7)),
        (OverlapPolicy.REPLACE, [], [NewJob(0), NewJob(0)], ()),
        (OverlapPolicy.ALLOW, [RUNNING], [NewJob(0), NewJob(1)], ()),
    ],
)
def test_the_overlap_policy_decides_about_firings_beside_live_jobs(
    policy: OverlapPolicy, live: list[Live], expected: list[object], terminates: tuple[int, ...]
) -> None:
    firing = overlap(moments(1, 2), live, policy, 1)
    assert [fate.job for fate in firing.fates] == expected
    assert firing.terminates == terminates
    assert len(firing.makes) == len({job for job in expected if isinstance(job, NewJob)})


def test_moments_that_are_caught_up_are_never_merged() -> None:
    for policy in (OverlapPolicy.QUEUE, OverlapPolicy.REPLACE, OverlapPolicy.ALLOW):
        firing = overlap(moments(1, 2, 3, is_caught_up=True), [WAITING], policy, 1)
        assert len(firing.makes) == 3


def test_a_schedule_stops_at_its_last_firing() -> None:
    firing = overlap(moments(1, 2, 3), [], OverlapPolicy.ALLOW, 1, firings_left=2)
    assert firing.is_last
    assert [fate.candidate.moment_us for fate in firing.fates] == [HOUR, 2 * HOUR]


# -- the invariant ------------------------------------------------------------------------------------------


@dataclass
class Ledger:
    """The outcomes of moments, as rows."""

    rows: list[tuple[int, int, str]] = field(default_factory=list)

    def add(self, due: Due, policy: OverlapPolicy, live: list[Live]) -> None:
        for stretch in due.stretches:
            self._add(stretch, stretch.cause)
        for fate in overlap(due.candidates, live, policy, 1).fates:
            self.rows.append((fate.candidate.moment_us, fate.candidate.moment_us, fate.outcome))
            for absorbed in fate.candidate.absorbs:
                self._add(absorbed, "absorbed")

    def _add(self, stretch: Stretch, cause: str) -> None:
        if cause != MomentCause.DST_GAP:
            self.rows.append((stretch.first_us, stretch.last_us, cause))


def random_calendar(chance: random.Random) -> Calendar:
    if chance.random() < 0.3:
        return Every(chance.choice([7, 60, 900, 5400]) * SECOND, 0, PRAGUE)
    text = chance.choice(["*/20 * * * *", "30 2 * * *", "0 */2 * * *", "15,45 1-3 * * *", "0 0 * * SUN"])
    return Cron([line(text)], PRAGUE, None, None)


def random_pause(chance: random.Random, settled: int, now: int) -> Pause | None:
    if chance.random() < 0.7:
        return None
    begin = chance.randrange(settled, now + 1)
    end = chance.choice([None, chance.randrange(begin, now + 1)])
    cause = chance.choice([MomentCause.PAUSED, MomentCause.DISABLED])
    return Pause(begin, end, cause, chance.choice([None, *MisfirePolicy]))


@pytest.mark.parametrize("seed", range(150))
def test_every_moment_is_in_exactly_one_row(seed: int) -> None:
    chance = random.Random(seed)
    calendar = random_calendar(chance)
    days = sorted(START + chance.randrange(4 * DAY) for _ in range(4))
    terms = Terms(
        calendar,
        chance.choice([(), ((days[0], days[1]),), ((days[0], days[1]), (days[2], days[3]))]),
        chance.choice([0, 13 * SECOND, 40 * MINUTE]),
        chance.choice([0, MINUTE, 2 * HOUR]),
        chance.choice([*MisfirePolicy]),
        chance.choice([None, 0, HOUR, DAY]),
        chance.choice([1, 3, 100]),
    )
    ledger, settled, now = Ledger(), START, START
    for _ in range(12):
        now += chance.choice([0, 1, MINUTE, HOUR, 9 * HOUR, DAY])
        due = sort_due(terms, Standing(settled, random_pause(chance, settled, now)), now)
        live = chance.choice([[], [RUNNING], [RUNNING, WAITING]])
        ledger.add(due, chance.choice([*OverlapPolicy]), live)
        settled = settled if due.through_us is None else due.through_us
    expected = list(moments_between(calendar, START, now - terms.offset_us))
    found = Counter(
        moment for first, last, _ in ledger.rows for moment in moments_between(calendar, first - 1, last)
    )
    assert sorted(found) == expected
    assert set(found.values()) <= {1}


def test_the_calendar_of_a_year_of_minutes_is_sorted_in_seconds() -> None:
    calendar = Cron([line("* * * * *")], PRAGUE, None, None)
    start = plain_us(datetime(2026, 1, 1))
    due = sort_due(Terms(calendar), Standing(start), start + 366 * DAY)
    [candidate] = due.candidates
    assert [one.count for one in candidate.absorbs] == [None]
    assert candidate.cause == MomentCause.TIME
    assert all(one.outcome is not MomentOutcome.MISSED for one in due.stretches)
