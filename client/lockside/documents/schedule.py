"""Schedules: when jobs are created automatically, and which."""

import re
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Self

from msgspec import Meta
from msgspec.structs import force_setattr, replace

from lockside.calendar import lines
from lockside.calendar.calendars import At, Bounded, Calendar, Cron, Every, joined, policies
from lockside.calendar.walltimes import Fold, Gap, first_moment_us
from lockside.calendar.zones import UnknownZoneError, zone
from lockside.documents import quantities, times
from lockside.documents.base import (
    NAME_PATTERN,
    NO_NUL_PATTERN,
    BranchId,
    ComponentId,
    ConfigId,
    DelaySeconds,
    FieldError,
    GraceSeconds,
    In,
    Name,
    RowId,
    Tag,
    Text,
    Time,
    camel,
)
from lockside.documents.enums import MisfirePolicy, Mode, OverlapPolicy, ScheduleState
from lockside.documents.request import JobRequest

ScheduleId = Annotated[str, Meta(pattern=NAME_PATTERN, max_length=255)]
CronLine = Annotated[
    str, Meta(min_length=1, max_length=1000, pattern=NO_NUL_PATTERN, examples=["30 2 * * *"])
]
DEFAULT_ZONE = "UTC"

if TYPE_CHECKING:
    CronTab = list[str]
    Period = float
else:
    CronTab = CronLine | Annotated[list[CronLine], Meta(min_length=1, max_length=10)]
    Period = DelaySeconds

NOT_IN_A_SCHEDULE = ("parent_run_id", "delayed_start_time", "depends_on", "previous_job_id")
_DATES = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:/([0-9]{4}-[0-9]{2}-[0-9]{2}))?")
_CALENDAR = ("cron_tab", "every", "at", "timezone", "dst", "start_time", "end_time", "exclude_dates")


class Dst(In, frozen=True, kw_only=True):
    """What happens to local times when the clocks change; null is the default of each line.

    Attributes:
        gap: A local time that is skipped fires at the gap's end (`after`), by the gap's length later
            (`shift`), or not at all (`skip`).
        fold: A local time that occurs twice fires the `first` time, the `second`, or `both`.
    """

    gap: Gap | None = None
    fold: Fold | None = None


class Misfire(In, frozen=True, kw_only=True):
    """What happens to moments that were missed.

    Attributes:
        policy: `last` runs once for all of them, `all` once for each, `skip` never.
        within_seconds: Moments that are later than this are not run; null means no limit.
        limit: The maximum number of runs of `all`; older moments are missed.
    """

    reads = {"within_seconds": quantities.duration}

    policy: MisfirePolicy = MisfirePolicy.LAST
    within_seconds: DelaySeconds | None = None
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100


class Overlap(In, frozen=True, kw_only=True):
    """What happens to a moment while earlier jobs are live.

    Attributes:
        policy: `queue` lets the new job wait, `skip` creates none, `replace` terminates the others, `allow`
            always creates one.
        limit: How many jobs of `queue` may wait; further moments are merged into the newest.
    """

    policy: OverlapPolicy = OverlapPolicy.QUEUE
    limit: Annotated[int, Meta(ge=1, le=1000)] = 1


class Target(In, frozen=True, kw_only=True):
    """What to run, in Keboola's terms; it is stored as `job`.

    Attributes:
        component_id: The component's id.
        configuration_id: The configuration's id.
        configuration_row_ids: The rows to run.
        mode: The mode of the job.
    """

    component_id: ComponentId
    configuration_id: ConfigId | None = None
    configuration_row_ids: list[RowId] = []
    mode: Mode = Mode.RUN
    tag: Tag | None = None
    branch_id: BranchId | None = None

    def as_job(self) -> JobRequest:
        """Return the equivalent request."""
        return JobRequest(
            component=self.component_id,
            config=self.configuration_id,
            config_row_ids=self.configuration_row_ids,
            mode=self.mode,
            tag=self.tag,
            branch_id=self.branch_id,
        )


class JobMaker(In, frozen=True, kw_only=True):
    """What schedules and triggers have in common.

    Attributes:
        state: `disabled` creates no jobs.
        job: The request of each job, as for `job.create`.
        target: What to run in Keboola's terms, instead of `job`.
        overlap: What happens to a firing while earlier jobs are live.
        pause_after_failures: Pause it after so many consecutive failed jobs; null means never.
    """

    id: ScheduleId
    name: Name | None = None
    description: Text | None = None
    state: ScheduleState = ScheduleState.ENABLED
    job: JobRequest | None = None
    target: Target | None = None
    overlap: Overlap = Overlap()
    pause_after_failures: Annotated[int, Meta(ge=1, le=1000)] | None = None

    @property
    def request(self) -> JobRequest:
        """The request of each job."""
        assert self.job is not None
        return self.job

    def check(self) -> None:
        """Raises FieldError for a missing job, and for fields that a schedule's job cannot have."""
        if self.target is not None:
            if self.job is not None:
                raise FieldError("Give either `job` or `target`, not both", "target")
            force_setattr(self, "job", self.target.as_job())
            force_setattr(self, "target", None)
        if self.job is None:
            raise FieldError("The field `job` is missing: it says what to run", "job")
        for name in NOT_IN_A_SCHEDULE:
            if getattr(self.job, name):
                raise FieldError(f"`{camel(name)}` has no meaning here: omit it", f"job.{camel(name)}")


class ScheduleSpec(JobMaker, frozen=True, kw_only=True):
    """When jobs are created, and which. Exactly one of `cronTab`, `every` and `at` is given.

    Attributes:
        id: The schedule's id; in a file, the file's name.
        cron_tab: A cron line, or up to 10 of them.
        every: The period, in seconds or as in "15m"; counted from `startTime`, else from 1970.
        at: A list of moments.
        timezone: The time zone of cron lines and dates: a name, `UTC` or an offset; null means that of the
            daemon's settings.
        dst: What happens to local times when the clocks change.
        exclude_dates: Local dates, or ranges of them as in "2026-12-25/2027-01-01", on which nothing runs.
        start_time: Moments before it are ignored.
        end_time: Moments after it are ignored.
        jitter_seconds: Moments are due up to so many seconds later, by a constant offset of the schedule.
        max_firings: The schedule is finished after so many jobs.
        grace_seconds: A moment at most so late is on time.
        misfire: What happens to moments that were missed.
        expect_within_seconds: Report a moment as overdue if no job of it succeeded within that time.
    """

    reads = {
        "every": quantities.delay,
        "start_time": times.canonical_time,
        "end_time": times.canonical_time,
        "jitter_seconds": quantities.grace_period,
        "grace_seconds": quantities.grace_period,
        "expect_within_seconds": quantities.delay,
    }

    cron_tab: CronTab | None = None
    every: Period | None = None
    at: Annotated[list[Time], Meta(min_length=1, max_length=1000)] | None = None
    timezone: Annotated[str, Meta(min_length=1, max_length=255)] | None = None
    dst: Dst = Dst()
    exclude_dates: Annotated[list[Annotated[str, Meta(max_length=255)]], Meta(max_length=1000)] = []
    start_time: Time | None = None
    end_time: Time | None = None
    jitter_seconds: GraceSeconds = 0.0
    max_firings: Annotated[int, Meta(ge=1, le=1_000_000_000)] | None = None
    grace_seconds: GraceSeconds = 60.0
    misfire: Misfire = Misfire()
    expect_within_seconds: DelaySeconds | None = None

    def check(self) -> None:
        """Raises FieldError for an invalid calendar."""
        super().check()
        given = [name for name in ("cron_tab", "every", "at") if getattr(self, name) is not None]
        if len(given) != 1:
            raise FieldError(
                "Give exactly one of `cronTab`, `every` and `at`", camel((given or ["cron_tab"])[-1])
            )
        if self.every is not None and self.every < 1:
            raise FieldError("It must be at least 1 second", "every")
        if self.start_time is not None and self.end_time is not None and self.end_time < self.start_time:
            raise FieldError("It must not be before `startTime`", "endTime")
        _checked("cronTab", self.cron_tab or (), lines.line)
        _checked("at", self.at or (), times.time_us)
        _checked("excludeDates", self.exclude_dates, _dates)
        if self.timezone is not None:
            try:
                zone(self.timezone)
            except UnknownZoneError as problem:
                raise FieldError(str(problem), "timezone") from None

    @property
    def cron_lines(self) -> list[str]:
        """The cron lines; none for other calendars."""
        given: Any = self.cron_tab
        return [given] if isinstance(given, str) else list(given or ())

    @property
    def zone_name(self) -> str:
        """The name of the zone; a stored schedule always has one."""
        return self.timezone or DEFAULT_ZONE

    def in_zone(self, default: str) -> Self:
        """Return the schedule with this zone if it has none."""
        return self if self.timezone is not None else replace(self, timezone=default)

    def calendar(self) -> Calendar:
        """Return its moments. Raises UnknownZoneError if the zone was removed from the database."""
        rules = zone(self.zone_name).rules
        start_us = None if self.start_time is None else times.time_us(self.start_time)
        end_us = None if self.end_time is None else times.time_us(self.end_time)
        inner: Calendar
        if self.every is not None:
            inner = Every(round(self.every * 1e6), start_us or 0, rules)
        elif self.at is not None:
            inner = At([times.time_us(one) for one in self.at], rules)
        else:
            inner = Cron([lines.line(one) for one in self.cron_lines], rules, self.dst.gap, self.dst.fold)
        return Bounded(inner, start_us, end_us)

    def exclusions(self) -> list[tuple[int, int]]:
        """Return the excluded dates as ranges of moments `[from, to)`, in order."""
        rules = zone(self.zone_name).rules
        found = []
        for text in self.exclude_dates:
            first, last = _dates(text)
            end = datetime.combine(last + timedelta(days=1), time())
            start_us = first_moment_us(datetime.combine(first, time()), rules)
            found.append((start_us, first_moment_us(end, rules)))
        return joined(found)

    def effective_dst(self) -> Dst:
        """Return the policies for clock changes; null if its lines differ."""
        found = [policies(lines.line(one), self.dst.gap, self.dst.fold) for one in self.cron_lines]
        gaps, folds = {gap for gap, _ in found}, {fold for _, fold in found}
        return Dst(gap=gaps.pop() if len(gaps) == 1 else None, fold=folds.pop() if len(folds) == 1 else None)

    def same_calendar(self, other: "ScheduleSpec") -> bool:
        """Return whether the calendars of both are equal."""
        return all(getattr(self, name) == getattr(other, name) for name in _CALENDAR)

    def sentence(self) -> str:
        """Return the calendar in an English sentence."""
        if self.every is not None:
            text = f"Every {_period(self.every)}"
        elif self.at is not None:
            text = f"At {len(self.at)} given time{'s' if len(self.at) > 1 else ''}"
        else:
            text = "; ".join(lines.line(one).says for one in self.cron_lines)
            text = f"{text}, {self.zone_name}"
        text += f", from {self.start_time}" if self.start_time else ""
        text += f", until {self.end_time}" if self.end_time else ""
        return f"{text}, except on {', '.join(self.exclude_dates)}" if self.exclude_dates else text


def _checked(field: str, texts: Any, read: Any) -> None:
    """Raises FieldError for the first text, or the single one, that is invalid."""
    placed = (
        [(field, texts)]
        if isinstance(texts, str)
        else [(f"{field}[{n}]", one) for n, one in enumerate(texts)]
    )
    for path, text in placed:
        try:
            read(text)
        except ValueError as problem:
            raise FieldError(str(problem), path) from None


def _dates(text: str) -> tuple[date, date]:
    """Return the first and the last day of a range. Raises ValueError."""
    found = _DATES.fullmatch(text)
    if found is None:
        raise ValueError(
            f'{text!r} is not a date: write "2026-12-24", or a range such as "2026-12-25/2027-01-01"'
        )
    try:
        first = date.fromisoformat(found[1])
        last = first if found[2] is None else date.fromisoformat(found[2])
    except ValueError as problem:
        raise ValueError(f"{text!r} is not a valid date: {problem}") from None
    if last < first:
        raise ValueError(f"{text!r} ends before it begins")
    return first, last


def _period(seconds: float) -> str:
    """Format a period: 90 is 1m 30s."""
    left, words = round(seconds * 1000), []
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        number, left = divmod(left, size)
        if number:
            words.append(f"{number}{unit}")
    return " ".join(words)
