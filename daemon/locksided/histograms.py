"""Durations in memory: histograms as in Prometheus, and the daemon's own measurements."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Final

from locksided import clock

JOB_BOUNDS: Final = (1, 5, 15, 60, 300, 900, 3600, 14_400, 86_400)
"""Bounds in seconds, for jobs and their time in the queue."""
CALL_BOUNDS: Final = (0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10, 60)
STEP_BOUNDS: Final = (0.0001, 0.0005, 0.0025, 0.01, 0.05, 0.25, 1, 5)


class Histogram:
    """Counts durations in seconds; `counts` has one element more than there are bounds."""

    __slots__ = ("bounds", "counts", "sum_seconds")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum_seconds = 0.0

    def observe(self, seconds: float) -> None:
        """Count one duration."""
        self.counts[bisect_left(self.bounds, seconds)] += 1
        self.sum_seconds += seconds

    def observe_since(self, began_us: int) -> None:
        """Count a duration from a start, by `clock.real_boot_us`, until now."""
        self.observe((clock.real_boot_us() - began_us) / clock.SECOND_US)

    def add(self, counts: Sequence[int], sum_seconds: float) -> None:
        """Add counts for the same bounds."""
        self.counts = [mine + more for mine, more in zip(self.counts, counts, strict=True)]
        self.sum_seconds += sum_seconds

    @property
    def buckets(self) -> list[tuple[str, float]]:
        """Each bound with the number of durations up to it, as in the text format."""
        names = [*map(str, map(float, self.bounds)), "+Inf"]
        return list(zip(names, map(float, accumulate(self.counts)), strict=True))


@dataclass(slots=True)
class Timings:
    """The daemon's measurements since its start."""

    calls: dict[str, Histogram] = field(default_factory=dict)
    refusals: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By method and kind of error."""
    decision: Histogram = field(default_factory=lambda: Histogram(STEP_BOUNDS))
    commit: Histogram = field(default_factory=lambda: Histogram(STEP_BOUNDS))

    def observe_call(self, method: str, seconds: float) -> None:
        """Count a call of a method."""
        known = self.calls.get(method)
        if known is None:
            known = self.calls[method] = Histogram(CALL_BOUNDS)
        known.observe(seconds)
