"""When a trigger fires, given its causes and its last firing."""

import pytest

from locksided.core.triggers import Cause, Rule, fires_at

SECOND = 1_000_000


def rule(conditions: int = 2, **members: object) -> Rule:
    known = {"needs_all": False, "cool_down_us": 0, "quiet_us": 0, "max_wait_us": 3600 * SECOND}
    return Rule(conditions, **{**known, **members})  # type: ignore[arg-type]


def received(*causes: tuple[int, int]) -> list[Cause]:
    return [Cause(seconds * SECOND, frozenset({condition})) for seconds, condition in causes]


@pytest.mark.parametrize(
    ("asked", "causes", "fired", "expected"),
    [
        (rule(), [], None, None),
        (rule(), [(5, 1)], None, 5),
        (rule(needs_all=True), [(0, 0), (10, 0)], None, None),
        (rule(needs_all=True, cool_down_us=600 * SECOND), [(0, 0), (10, 0), (20, 1)], None, 20),
        (rule(needs_all=True, cool_down_us=600 * SECOND), [(30, 0), (40, 1)], 20, 620),
        (rule(quiet_us=60 * SECOND), [(0, 0), (50, 0)], None, 110),
        (rule(quiet_us=60 * SECOND, max_wait_us=90 * SECOND), [(0, 0), (50, 0)], None, 90),
    ],
)
def test_a_trigger_fires_when_enough_has_happened_and_time_has_passed(
    asked: Rule, causes: list[tuple[int, int]], fired: int | None, expected: int | None
) -> None:
    fired_us = None if fired is None else fired * SECOND
    found = fires_at(asked, received(*causes), fired_us)
    assert found == (None if expected is None else expected * SECOND)
