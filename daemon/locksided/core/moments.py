"""Decides what happens to the due moments of a schedule, from the given data and time alone.

`sort_due` gives every moment since the last step an outcome, or makes it a candidate for a job; `overlap`
then decides which candidates get one. Nothing is read from outside: the calendar is a pure function. Moments
and times are microseconds since the epoch.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Protocol

from lockside.documents.enums import MisfirePolicy, MomentCause, MomentOutcome

MOST_COUNTED = 100_000
"""The most consecutive moments that are counted exactly."""


class Calendar(Protocol):
    """The required methods of a calendar; see `lockside.calendar.calendars`."""

    def after(self, moment_us: int) -> int | None: ...

    def before(self, moment_us: int) -> int | None: ...

    def count(self, first_us: int, last_us: int, most: int) -> int | None: ...

    def gaps(self, from_us: int, to_us: int) -> list[tuple[int, str]]: ...


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of a schedule. `exclusions` are ranges of moments `[from, to)`, in order.

    A moment is due `offset_us` later. A decision less than `grace_us` after that is on time.
    """

    calendar: Calendar
    exclusions: Sequence[tuple[int, int]] = ()
    offset_us: int = 0
    grace_us: int = 60_000_000
    misfire: MisfirePolicy = MisfirePolicy.LAST
    within_us: int | None = None
    limit: int = 100


@dataclass(frozen=True, slots=True)
class Pause:
    """A time in which nothing fires: moments that are due in it are skipped. `cause` is paused or disabled.

    With `catch_up` they count as missed instead, and that policy applies to them.
    """

    from_us: int
    until_us: int | None = None
    cause: MomentCause = MomentCause.PAUSED
    catch_up: MisfirePolicy | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """The progress of a schedule: all moments up to `settled_us` have an outcome.

    `decided` are the first and last moments of rows after it: the clock was set back, and they stay decided.
    """

    settled_us: int
    pause: Pause | None = None
    decided: Sequence[tuple[int, int]] = ()


@dataclass(frozen=True, slots=True)
class Stretch:
    """Consecutive moments with one outcome; `count` is None for more than `MOST_COUNTED`."""

    first_us: int
    last_us: int
    count: int | None = 1
    outcome: MomentOutcome = MomentOutcome.SKIPPED
    cause: MomentCause = MomentCause.PAUSED
    wall: str | None = None

    def as_(self, outcome: MomentOutcome, cause: MomentCause) -> "Stretch":
        """Return the same moments with another outcome."""
        return replace(self, outcome=outcome, cause=cause)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A moment for which a job is to be created. The moments in `absorbs` share its fate.

    `is_caught_up` marks one of the policy `all`, which is never merged into another.
    """

    moment_us: int
    cause: MomentCause
    is_caught_up: bool = False
    absorbs: tuple[Stretch, ...] = ()

    @property
    def first_us(self) -> int:
        """The first moment that its job covers."""
        return min([self.moment_us, *(one.first_us for one in self.absorbs)])


@dataclass(frozen=True, slots=True)
class Due:
    """The result of a step for moments up to `through_us`, which is None when there were none."""

    through_us: int | None = None
    stretches: tuple[Stretch, ...] = ()
    candidates: tuple[Candidate, ...] = ()


class _Label:
    """The class of a range of moments before the misfire policy is applied."""

    DECIDED = "decided"
    LATE = "late"
    ON_TIME = "on_time"


@dataclass(slots=True)
class _Sorted:
    """The stretches of a step in order, by their label."""

    settled: list[Stretch] = field(default_factory=list)
    late: list[Stretch] = field(default_factory=list)
    on_time: list[Stretch] = field(default_factory=list)


def sort_due(terms: Terms, standing: Standing, now_us: int) -> Due:
    """Decide on all moments after the settled one whose due time has come."""
    last_us = terms.calendar.before(now_us - terms.offset_us + 1)
    gaps = terms.calendar.gaps(standing.settled_us, now_us - terms.offset_us)
    ends = [gap_us for gap_us, _ in gaps]
    if last_us is not None and last_us > standing.settled_us:
        ends.append(last_us)
    if not ends:
        return Due()
    found = _sorted(terms, standing, now_us, gaps)
    pause = standing.pause
    policy = terms.misfire if pause is None or pause.catch_up is None else pause.catch_up
    missed, candidates = _apply_policy(terms, found, policy)
    stretches = sorted([*found.settled, *missed], key=lambda one: one.first_us)
    return Due(max(ends), tuple(stretches), tuple(candidates))


def next_due_us(terms: Terms, standing: Standing) -> int | None:
    """Return when the next step is due: for a paused schedule the end of the pause. None for never."""
    if standing.pause is not None:
        return standing.pause.until_us
    moments = [terms.calendar.after(standing.settled_us)]
    if moments[0] is not None:
        moments += [gap_us for gap_us, _ in terms.calendar.gaps(standing.settled_us, moments[0])]
    known = [moment_us for moment_us in moments if moment_us is not None]
    return min(known) + terms.offset_us if known else None


# -- sorting ----------------------------------------------------------------------------------------------


def _sorted(terms: Terms, standing: Standing, now_us: int, gaps: Sequence[tuple[int, str]]) -> _Sorted:
    """Divide all moments of the step into stretches with one label each."""
    found, left_out = _Sorted(), dict(gaps)
    for start_us, end_us in _ranges(terms, standing, now_us, gaps):
        label = _label(terms, standing, now_us, start_us)
        if label == _Label.DECIDED:
            continue
        into = {_Label.LATE: found.late, _Label.ON_TIME: found.on_time}.get(label, found.settled)
        walls = left_out.get(start_us)
        if walls is not None and into is not found.settled:
            gap = Stretch(start_us, start_us, 1, MomentOutcome.SKIPPED, MomentCause.DST_GAP, walls)
            found.settled.append(gap)
        stretch = _stretch(terms.calendar, start_us, end_us)
        if stretch is not None and into is found.settled:
            cause = MomentCause(label)
            outcome = MomentOutcome.MISSED if cause is MomentCause.TOO_LATE else MomentOutcome.SKIPPED
            stretch = stretch.as_(outcome, cause)
        if stretch is not None:
            _append(terms.calendar, into, stretch, left_out)
    return found


def _ranges(
    terms: Terms, standing: Standing, now_us: int, gaps: Sequence[tuple[int, str]]
) -> Iterator[tuple[int, int]]:
    """Divide the moments of the step where their label may change, into ranges `[from, to)`."""
    first_us, end_us = standing.settled_us + 1, now_us - terms.offset_us + 1
    cuts = {first_us, end_us, _late_before(terms, now_us)}
    if terms.within_us is not None:
        cuts.add(_too_late_before(terms, now_us))
    cuts.update(cut for exclusion in terms.exclusions for cut in exclusion)
    cuts.update(cut for first, last in standing.decided for cut in (first, last + 1))
    cuts.update(cut for gap_us, _ in gaps for cut in (gap_us, gap_us + 1))
    if standing.pause is not None:
        cuts.update(_pause_range(terms, standing.pause))
    yield from pairwise(sorted(cut for cut in cuts if first_us <= cut <= end_us))


def _label(terms: Terms, standing: Standing, now_us: int, moment_us: int) -> str:
    """Return the label of the range that starts at a moment."""
    if any(first <= moment_us <= last for first, last in standing.decided):
        return _Label.DECIDED
    pause = standing.pause
    is_paused = pause is not None and _is_in(moment_us, _pause_range(terms, pause))
    if pause is not None and is_paused and pause.catch_up is None:
        return pause.cause
    if any(_is_in(moment_us, exclusion) for exclusion in terms.exclusions):
        return MomentCause.EXCLUDED
    if terms.within_us is not None and moment_us < _too_late_before(terms, now_us):
        return MomentCause.TOO_LATE
    return _Label.LATE if is_paused or moment_us < _late_before(terms, now_us) else _Label.ON_TIME


def _late_before(terms: Terms, now_us: int) -> int:
    """Return the start of the moments that are on time: a decision at the due time is, for any grace."""
    return now_us - max(terms.grace_us, 1) - terms.offset_us + 1


def _too_late_before(terms: Terms, now_us: int) -> int:
    return now_us - (terms.within_us or 0) - terms.offset_us


def _pause_range(terms: Terms, pause: Pause) -> tuple[int, int]:
    """Return the range of moments that are due in a pause."""
    until_us = 2**62 if pause.until_us is None else pause.until_us
    return pause.from_us - terms.offset_us, until_us - terms.offset_us


def _is_in(moment_us: int, bounds: tuple[int, int]) -> bool:
    return bounds[0] <= moment_us < bounds[1]


def _stretch(calendar: Calendar, start_us: int, end_us: int) -> Stretch | None:
    """Return the moments of a range `[from, to)`, or None when it has none."""
    first_us, last_us = calendar.after(start_us - 1), calendar.before(end_us)
    if first_us is None or last_us is None or first_us > last_us:
        return None
    return Stretch(first_us, last_us, calendar.count(first_us, last_us, MOST_COUNTED))


def _append(calendar: Calendar, stretches: list[Stretch], more: Stretch, gaps: Mapping[int, str]) -> None:
    """Append a stretch; it is joined to the last if both are alike with no moment or gap between them."""
    last = stretches[-1] if stretches else None
    if (
        last is not None
        and (last.outcome, last.cause, last.wall) == (more.outcome, more.cause, more.wall)
        and calendar.after(last.last_us) == more.first_us
        and not any(last.last_us < gap_us <= more.first_us for gap_us in gaps)
    ):
        stretches[-1] = replace(last, last_us=more.last_us, count=_sum(last.count, more.count))
    else:
        stretches.append(more)


def _sum(one: int | None, other: int | None) -> int | None:
    total = None if one is None or other is None else one + other
    return total if total is not None and total <= MOST_COUNTED else None


# -- missed moments ---------------------------------------------------------------------------------------


def _apply_policy(
    terms: Terms, found: _Sorted, policy: MisfirePolicy
) -> tuple[list[Stretch], list[Candidate]]:
    """Return the moments missed for good, and the candidates: by the policy, then those on time."""
    on_time = [
        Candidate(moment_us, MomentCause.TIME)
        for stretch in found.on_time
        for moment_us in _moments_in(terms.calendar, stretch)
    ]
    if not found.late:
        return [], on_time
    match policy:
        case MisfirePolicy.SKIP:
            return [one.as_(MomentOutcome.MISSED, MomentCause.MISFIRE) for one in found.late], on_time
        case MisfirePolicy.ALL:
            missed, caught_up = _newest(terms.calendar, found.late, terms.limit)
            missed = [one.as_(MomentOutcome.MISSED, MomentCause.LIMIT) for one in missed]
            again = [Candidate(one, MomentCause.MISFIRE, is_caught_up=True) for one in caught_up]
            return missed, [*again, *on_time]
        case MisfirePolicy.LAST:
            return [], _merge_late(terms.calendar, found.late, on_time)


def _merge_late(calendar: Calendar, late: Sequence[Stretch], on_time: Sequence[Candidate]) -> list[Candidate]:
    """Let the first moment on time absorb the missed ones; without one the newest missed moment does."""
    if on_time:
        return [replace(on_time[0], absorbs=tuple(late)), *on_time[1:]]
    others, (newest,) = _newest(calendar, late, 1)
    return [Candidate(newest, MomentCause.MISFIRE, absorbs=tuple(others))]


def _newest(calendar: Calendar, late: Sequence[Stretch], limit: int) -> tuple[list[Stretch], list[int]]:
    """Return the stretches without their newest moments, and these moments."""
    taken: list[int] = []
    left = list(late)
    while left and len(taken) < limit:
        stretch = left.pop()
        taken.append(stretch.last_us)
        last_us = calendar.before(stretch.last_us)
        if last_us is not None and last_us >= stretch.first_us:
            left.append(Stretch(stretch.first_us, last_us, None))
    counted = [replace(one, count=calendar.count(one.first_us, one.last_us, MOST_COUNTED)) for one in left]
    return counted, sorted(taken)


def _moments_in(calendar: Calendar, stretch: Stretch) -> Iterator[int]:
    moment_us: int | None = stretch.first_us
    while moment_us is not None and moment_us <= stretch.last_us:
        yield moment_us
        moment_us = calendar.after(moment_us)
