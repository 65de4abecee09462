"""Progress is pushed at most once a second for each job, in the machine's time."""

from unittest.mock import patch

from locksided import clock
from locksided.actors.broker import PROGRESS, Broker
from locksided.store.rows import EventRow

NOON_US = 1_774_785_600_000_000


def pushed(*reports: tuple[float, float]) -> int:
    """How many of these are pushed, each with the seconds by the machine and by the wall clock."""
    broker, told = Broker(), []
    with broker.watching(lambda events, _: told.extend(events)):
        for real_seconds, wall_seconds in reports:
            with patch.object(clock, "real_boot_us", lambda at=real_seconds: round(at * 1e6)):
                event = EventRow(
                    0, NOON_US + round(wall_seconds * 1e6), PROGRESS, "default", 1, "1", None, {}
                )
                broker.tell_progress(event)
    return len(told)


def test_progress_is_pushed_at_most_once_a_second() -> None:
    assert pushed((0, 0), (0.9, 0.9), (1.0, 1.0), (1.1, 1.1)) == 2


def test_a_clock_that_is_set_back_or_stands_still_silences_no_progress() -> None:
    assert pushed((0, 0), (1, -3600), (2, -3600)) == 3
