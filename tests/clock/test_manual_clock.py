"""Tests of the clock of `--test-clock` alone: timers, moves, and when a move ends."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from locksided import clock, threads
from locksided.clock import SECOND_US
from locksided.manual_clock import ManualClock

START_US = clock.from_text("2026-03-29T00:00:00Z")


class Story:
    """Records what happened, and when by the clock."""

    def __init__(self, tested: ManualClock) -> None:
        self._clock = tested
        self.told: list[tuple[str, float]] = []

    def tell(self, what: str) -> None:
        self.told.append((what, (self._clock.boot_us() - START_US) / SECOND_US))

    def teller(self, what: str) -> Callable[[], None]:
        return lambda: self.tell(what)


def play(main: Callable[[ManualClock, Story], Coroutine[Any, Any, None]]) -> list[tuple[str, float]]:
    """Run a coroutine with a clock of its own; returns what it recorded."""
    tested = ManualClock(START_US)
    story = Story(tested)
    with clock.used(tested), asyncio.Runner(loop_factory=tested.new_loop) as runner:
        runner.run(main(tested, story))
    return story.told


def test_the_clock_stands_still_until_it_is_moved() -> None:
    async def main(tested: ManualClock, story: Story) -> None:
        clock.call_later(0.001, story.teller("too early"))
        assert (clock.now_us(), clock.boot_us()) == (START_US, START_US)
        await tested.advance(0)
        assert clock.now_us() == START_US

    assert play(main) == []


def test_advancing_stops_at_each_deadline_including_those_set_on_the_way() -> None:
    async def main(tested: ManualClock, story: Story) -> None:
        def again() -> None:
            story.tell("first")
            clock.call_later(5, story.teller("set on the way"))

        clock.call_later(30, story.teller("last"))
        clock.call_later(10, again)
        clock.call_at(START_US + 20 * SECOND_US, story.teller("by the wall clock"))
        await tested.advance(60)
        story.tell("end")

    assert play(main) == [
        ("first", 10),
        ("set on the way", 15),
        ("by the wall clock", 20),
        ("last", 30),
        ("end", 60),
    ]


def test_a_timer_is_not_called_if_another_timer_of_its_time_cancels_it() -> None:
    async def main(tested: ManualClock, story: Story) -> None:
        clock.call_later(5, story.teller("cancelled before")).cancel()
        clock.call_later(10, lambda: other.cancel())
        other = clock.call_later(10, story.teller("cancelled by its neighbour"))
        await tested.advance(20)

    assert play(main) == []


def test_a_timer_that_is_due_when_it_is_set_is_called_without_a_move() -> None:
    async def main(_: ManualClock, story: Story) -> None:
        await clock.sleep(0)
        clock.call_at(START_US - SECOND_US, story.teller("late"))
        assert story.told == [], "never called where it is set"
        await clock.sleep(0)

    assert play(main) == [("late", 0)]


def test_a_move_ends_when_everything_it_caused_is_done() -> None:
    async def main(tested: ManualClock, story: Story) -> None:
        async def follow() -> None:
            for number in range(1, 4):
                await clock.sleep(10)
                text = await threads.run_sync(str, number)
                await asyncio.gather(*(threads.run_sync(str, 0) for _ in range(3)))
                story.tell(text)

        following = asyncio.create_task(follow())
        await tested.advance(20)
        story.tell("moved")
        await tested.advance(10)
        await following

    assert play(main) == [("1", 10), ("2", 20), ("moved", 20), ("3", 30)]


def test_a_move_begins_when_everything_begun_before_is_done() -> None:
    async def main(tested: ManualClock, story: Story) -> None:
        async def begun() -> None:
            await threads.run_sync(str)
            clock.call_later(10, story.teller("due"))

        begins = asyncio.create_task(begun())
        await tested.advance(10)
        await begins

    assert play(main) == [("due", 10)]


def test_a_suspend_makes_both_clocks_jump_at_once() -> None:
    async def main(tested: ManualClock, story: Story) -> None:
        clock.call_later(10, story.teller("first"))
        clock.call_at(START_US + 20 * SECOND_US, story.teller("second"))
        await tested.sleep(60)
        assert clock.now_us() == START_US + 60 * SECOND_US

    assert play(main) == [("first", 60), ("second", 60)]


@pytest.mark.parametrize("hours", [-2, 2])
def test_setting_the_clock_wakes_those_who_wait_for_it_and_changes_no_duration(hours: int) -> None:
    async def main(tested: ManualClock, story: Story) -> None:
        clock.call_later(10, story.teller("a duration"))
        clock.call_at(START_US + 20 * SECOND_US, story.teller("a deadline"))
        clock.call_at(None, story.teller("no deadline"))
        set_to_us = START_US + hours * 3600 * SECOND_US
        await tested.set(set_to_us)
        assert (clock.now_us(), clock.boot_us()) == (set_to_us, START_US)
        await tested.advance(10)

    assert sorted(play(main)) == [("a deadline", 0), ("a duration", 10), ("no deadline", 0)]


@pytest.mark.parametrize(("seconds", "ends"), [(10, True), (0, True), (10.5, False), (None, False)])
def test_a_call_with_a_time_limit_is_cancelled_when_the_time_has_passed(
    seconds: float | None, ends: bool
) -> None:
    async def main(tested: ManualClock, story: Story) -> None:
        async def limited() -> None:
            with clock.move_on_after(seconds) as scope:
                await asyncio.Event().wait()
            story.tell(f"cancelled {scope.cancelled_caught}")

        task = asyncio.create_task(limited())
        await tested.advance(10)
        task.cancel()

    assert play(main) == ([("cancelled True", min(seconds or 0, 10))] if ends else [])


def test_moves_are_made_one_after_another() -> None:
    async def main(tested: ManualClock, story: Story) -> None:
        for seconds in (5, 15, 25):
            clock.call_later(seconds, story.teller("due"))
        await asyncio.gather(tested.advance(10), tested.advance(10), tested.advance(10))
        story.tell("end")

    assert play(main) == [("due", 5), ("due", 15), ("due", 25), ("end", 30)]


def test_a_move_that_is_cancelled_does_not_block_the_next() -> None:
    async def main(tested: ManualClock, story: Story) -> None:
        given_up = asyncio.create_task(tested.advance(10))
        clock.call_later(5, given_up.cancel)
        await asyncio.wait([given_up])
        story.tell("given up")
        await tested.advance(5)
        story.tell("end")

    assert play(main) == [("given up", 5), ("end", 10)]
