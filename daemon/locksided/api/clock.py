"""`clock.*`: methods that move the clock of a daemon started with `--test-clock`."""

from lockside.documents.times import time_text
from lockside.protocol.methods.clock import ClockAdvance, ClockGet, ClockReading, ClockSet, ClockSleep
from locksided import clock
from locksided.core.errors import Invalid
from locksided.manual_clock import ManualClock
from locksided.server.calls import Call
from locksided.server.handlers import handler

LATEST_US = clock.from_text("9900-01-01T00:00:00Z")
"""Leaves room for times years later: no time is written with a year of five digits."""


class ClockMethods:
    """`clock.*`. A move is answered when everything that it made due is done."""

    def __init__(self, moved: ManualClock) -> None:
        self._clock = moved

    @handler
    async def get(self, _call: Call, _params: ClockGet) -> ClockReading:
        return self._reading()

    @handler
    async def advance(self, _call: Call, params: ClockAdvance) -> ClockReading:
        _check(self._clock.now_us() + round(params.seconds * clock.SECOND_US), "$.seconds")
        await self._clock.advance(params.seconds)
        return self._reading()

    @handler
    async def sleep(self, _call: Call, params: ClockSleep) -> ClockReading:
        _check(self._clock.now_us() + round(params.seconds * clock.SECOND_US), "$.seconds")
        await self._clock.sleep(params.seconds)
        return self._reading()

    @handler
    async def set(self, _call: Call, params: ClockSet) -> ClockReading:
        now_us = clock.from_text(params.time)
        _check(now_us, "$.time")
        await self._clock.set(now_us)
        return self._reading()

    def _reading(self) -> ClockReading:
        return ClockReading(time=time_text(self._clock.now_us()), boot_time=time_text(self._clock.boot_us()))


def _check(now_us: int, path: str) -> None:
    if not 0 <= now_us <= LATEST_US:
        raise Invalid("The clock can be moved to any time from 1970 to the end of 9899.", path=path)
