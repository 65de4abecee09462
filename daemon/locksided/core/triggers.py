"""When a trigger fires, from what it received and when it last fired. Pure; times in microseconds."""

from collections.abc import Sequence
from dataclasses import dataclass

MOST_OF_A_FIRING = 1000


@dataclass(frozen=True, slots=True)
class Cause:
    """Something that a trigger received, and the indexes of the conditions that it meets."""

    time_us: int
    conditions: frozenset[int]


@dataclass(frozen=True, slots=True)
class Rule:
    """The terms of a trigger; with `needs_all` every condition must be met since the last firing."""

    conditions: int
    needs_all: bool
    cool_down_us: int
    quiet_us: int
    max_wait_us: int


def fires_at(rule: Rule, causes: Sequence[Cause], fired_us: int | None) -> int | None:
    """Return when it fires if nothing more happens; None if the causes, in order, are not sufficient."""
    complete_us = _complete_at(rule, causes)
    if complete_us is None:
        return None
    moments = [complete_us]
    if rule.quiet_us:
        quiet_us = causes[-1].time_us + rule.quiet_us
        moments.append(min(quiet_us, causes[0].time_us + rule.max_wait_us))
    if fired_us is not None:
        moments.append(fired_us + rule.cool_down_us)
    return max(moments)


def _complete_at(rule: Rule, causes: Sequence[Cause]) -> int | None:
    """Return when the last required condition was met."""
    needed = rule.conditions if rule.needs_all else 1
    met: set[int] = set()
    for cause in causes:
        met |= cause.conditions
        if len(met) >= needed:
            return cause.time_us
    return None
