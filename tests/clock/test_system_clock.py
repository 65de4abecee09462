"""The system clock on an event loop whose time the test controls: suspends and setting of the clock."""

from collections.abc import Iterator

import pytest

from locksided import clock
from locksided.clock import SECOND_US, SystemClock
from simulation.loop import Loop


class Machine(SystemClock):
    """The loop clock stops during a suspend, the boot clock continues, the wall clock can be set."""

    def __init__(self) -> None:
        self.awake_seconds = 0
        self.suspended_seconds = 0
        self.set_by_seconds = 0
        self.loop = Loop(lambda: self.awake_seconds)

    def boot_us(self) -> int:
        return (self.awake_seconds + self.suspended_seconds) * SECOND_US

    def now_us(self) -> int:
        return self.boot_us() + self.set_by_seconds * SECOND_US

    def wait(self, seconds: int) -> None:
        for _ in range(seconds):
            self.awake_seconds += 1
            self.loop.ring()
            self.loop.run()


@pytest.fixture
def machine() -> Iterator[Machine]:
    made = Machine()
    with clock.used(made):
        yield made


def set_timers(machine: Machine, seconds: int) -> list[str]:
    """Set a timer of each clock; returns the list that names the called ones."""
    called: list[str] = []

    def both() -> None:
        clock.call_later(seconds, lambda: called.append("boot"))
        clock.call_at(machine.now_us() + seconds * SECOND_US, lambda: called.append("wall"))

    machine.loop.call_soon(both)
    machine.loop.run()
    return called


def test_a_timer_is_called_when_its_time_has_passed(machine: Machine) -> None:
    called = set_timers(machine, 30)
    machine.wait(29)
    assert called == []
    machine.wait(1)
    assert sorted(called) == ["boot", "wall"]


def test_a_timer_of_the_boot_clock_is_exact_however_distant(machine: Machine) -> None:
    called = set_timers(machine, 1000)
    machine.wait(999)
    assert "boot" not in called
    machine.wait(1)
    assert "boot" in called


def test_a_suspend_is_noticed_within_a_minute_of_waking(machine: Machine) -> None:
    called = set_timers(machine, 3600)
    machine.wait(10)
    machine.suspended_seconds += 7200
    machine.wait(60)
    assert sorted(called) == ["boot", "wall"]


def test_setting_the_clock_is_noticed_within_a_minute_and_changes_no_duration(machine: Machine) -> None:
    called = set_timers(machine, 3600)
    machine.wait(10)
    machine.set_by_seconds = 7200
    machine.wait(60)
    assert called == ["wall"]


def test_a_timer_of_the_boot_clock_can_be_cancelled_at_any_time(machine: Machine) -> None:
    called: list[str] = []
    timers: list[clock.Timer] = []
    machine.loop.call_soon(lambda: timers.append(clock.call_later(100, lambda: called.append("boot"))))
    machine.loop.run()
    machine.wait(70)
    timers[0].cancel()
    machine.wait(70)
    assert called == []
