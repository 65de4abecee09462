"""Progress is pushed at most once a second per job, in the machine's time, and its last value always."""

from collections.abc import Callable
from unittest.mock import patch

from locksided import clock
from locksided.actors.broker import PROGRESS, Broker
from locksided.store.rows import EventRow

NOON_US = 1_774_785_600_000_000


class Pushing:
    """A broker whose timers fire when `at` reaches their time."""

    def __init__(self) -> None:
        self.broker = Broker()
        self.told: list[EventRow] = []
        self._timers: list[tuple[float, Callable[[], None]]] = []
        self._now = 0.0

    def at(self, seconds: float, *events: EventRow, ended: bool = False) -> list[object]:
        """Return what was pushed up to this time of the machine, after these events or the end of the job."""
        with (
            self.broker.watching(lambda events, _: self.told.extend(events)),
            patch.object(clock, "real_boot_us", lambda: round(self._now * 1e6)),
            patch.object(
                clock, "real_call_later", lambda after, do: self._timers.append((self._now + after, do))
            ),
        ):
            for due in [one for one in self._timers if one[0] <= seconds]:
                self._timers.remove(due)
                self._now = due[0]
                due[1]()
            self._now = seconds
            for event in events:
                self.broker.tell_progress(event)
            if ended:
                self.broker.publish([event_of("job.status", to="success")])
        return [event.data["progress"] for event in self.told if event.kind == PROGRESS]


def event_of(kind: str, wall_seconds: float = 0, **data: object) -> EventRow:
    return EventRow(0, NOON_US + round(wall_seconds * 1e6), kind, "default", 1, "1", None, data)


def progress(share: float, wall_seconds: float = 0) -> EventRow:
    return event_of(PROGRESS, wall_seconds, progress=share)


def test_progress_is_pushed_at_most_once_a_second_and_the_newest_when_it_has_passed() -> None:
    pushing = Pushing()
    assert pushing.at(0, progress(0.1)) == [0.1]
    assert pushing.at(0.5, progress(0.2), progress(0.3)) == [0.1]
    assert pushing.at(0.9) == [0.1]
    assert pushing.at(1.0) == [0.1, 0.3]
    assert pushing.at(1.5, progress(0.4)) == [0.1, 0.3]
    assert pushing.at(9.0) == [0.1, 0.3, 0.4]


def test_no_progress_of_an_ended_job_is_pushed() -> None:
    pushing = Pushing()
    pushing.at(0, progress(0.1), progress(0.2))
    pushing.at(0.5, ended=True)
    assert pushing.at(2.0) == [0.1]


def test_setting_back_or_stopping_the_wall_clock_silences_no_progress() -> None:
    pushing = Pushing()
    pushing.at(0, progress(0.1))
    pushing.at(1, progress(0.2, wall_seconds=-3600))
    assert pushing.at(2, progress(0.3, wall_seconds=-3600)) == [0.1, 0.2, 0.3]
