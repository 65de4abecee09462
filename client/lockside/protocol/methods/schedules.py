"""The methods of schedules that other kinds have not, or have otherwise."""

from typing import Annotated

from msgspec import Meta, field

from lockside.documents import quantities, times
from lockside.documents.base import PoolId, Priority, Time
from lockside.documents.enums import MisfirePolicy, MomentOutcome
from lockside.documents.schedule import ScheduleId, ScheduleSpec
from lockside.protocol.declaration import ListParams, Mutation, Params, method
from lockside.protocol.errors import ErrorKind
from lockside.protocol.methods.job_makers import PUTTING, MakerAction, MakerList, MakerPause, MakerPut
from lockside.protocol.methods.jobs import CREATION
from lockside.protocol.types import schedules as types
from lockside.protocol.types.jobs import Job
from lockside.protocol.words import Role

EXAMPLE = {"id": "nightly", "cronTab": "30 2 * * *", "job": {"component": "acme.orders", "config": "daily"}}
ONE = {"id": "nightly"}

BackfillId = Annotated[str, Meta(min_length=1, max_length=64)]
TimeOrDate = Annotated[
    str, Meta(min_length=1, max_length=64, examples=["2026-01-31", "2026-01-31T08:00:00Z"])
]


@method("schedule.put", **PUTTING, answers=types.Schedule, example={"schedule": EXAMPLE})
class SchedulePut(MakerPut, frozen=True, kw_only=True):
    """Store a schedule; editing one never fires it.

    Attributes:
        schedule: The whole schedule.
    """

    schedule: ScheduleSpec


@method("schedule.list", Role.VIEWER, answers=types.Schedules, example={"status": ["paused"]})
class ScheduleListAll(MakerList, frozen=True, kw_only=True):
    """List schedules."""


STEERING = [ErrorKind.NOT_FOUND, ErrorKind.CONFLICT]


@method(
    "schedule.pause",
    Role.OPERATOR,
    answers=types.Schedule,
    refuses=STEERING,
    example=ONE | {"comment": "maintenance"},
)
class SchedulePause(MakerPause, frozen=True, kw_only=True):
    """Pause a schedule: it creates no jobs until it is resumed.

    Attributes:
        until_time: When it is resumed by itself.
    """

    reads = {"until_time": times.canonical_time}

    until_time: Time | None = None


@method(
    "schedule.resume",
    Role.OPERATOR,
    answers=types.Schedule,
    refuses=STEERING,
    example=ONE | {"catchUp": "last"},
)
class ScheduleResume(MakerAction, frozen=True, kw_only=True):
    """Let a paused schedule fire again; what fell into the pause is skipped.

    Attributes:
        catch_up: Run what fell into the pause after all: `last` once for all, `all` once for each moment.
    """

    catch_up: MisfirePolicy | None = None


@method("schedule.run", Role.OPERATOR, answers=Job, refuses=CREATION, positional=["moment"], example=ONE)
class ScheduleRun(MakerAction, frozen=True, kw_only=True):
    """Make a job of a schedule now.

    Attributes:
        moment: The settled moment that the job is for.
    """

    reads = {"moment": times.canonical_time}

    moment: Time | None = None


@method(
    "schedule.backfill",
    Role.OPERATOR,
    answers=types.Backfill,
    refuses=[*CREATION, ErrorKind.LIMIT],
    example=ONE | {"from": "2026-01-01", "to": "2026-01-31"},
)
class ScheduleBackfill(MakerAction, frozen=True, kw_only=True):
    """Make the jobs of past moments that have none, or none that ended well.

    Attributes:
        since: The first moment, or a local date.
        to: The last moment, or a local date, whose moments all count.
        again: Make a job also for moments that have a good one.
        order: Whether the oldest moment stands first in line, or the newest.
        priority: The priority of the jobs.
        pool: The pool of the jobs.
    """

    reads = {"priority": quantities.priority}

    since: TimeOrDate = field(name="from")
    to: TimeOrDate
    again: bool = False
    order: Annotated[str, Meta(pattern="^(forward|backward)$")] = "forward"
    priority: Priority = -50
    pool: PoolId | None = None
    dry_run: bool = False


@method(
    "schedule.stopBackfill",
    Role.OPERATOR,
    answers=types.StoppedBackfill,
    refuses=[ErrorKind.NOT_FOUND],
    example={"backfill": "nightly-17"},
)
class ScheduleStopBackfill(Mutation, frozen=True, kw_only=True):
    """Terminate the live jobs of a backfill.

    Attributes:
        backfill: The backfill's id.
    """

    backfill: BackfillId


@method("schedule.ledger", Role.VIEWER, answers=types.Ledger, refuses=[ErrorKind.NOT_FOUND], example=ONE)
class ScheduleLedger(ListParams, frozen=True, kw_only=True):
    """List what became of a schedule's moments, newest first.

    Attributes:
        id: The schedule's id; that of a deleted one, too.
        since: Only moments from this time on.
        to: Only moments up to this time.
        outcomes: Only these outcomes.
        moment: Only the row of this moment.
    """

    reads = {"since": times.canonical_time, "to": times.canonical_time, "moment": times.canonical_time}

    id: ScheduleId
    since: Time | None = field(default=None, name="from")
    to: Time | None = None
    outcomes: list[MomentOutcome] = []
    moment: Time | None = None
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100


@method(
    "schedule.next",
    Role.VIEWER,
    answers=types.Upcoming,
    refuses=[ErrorKind.NOT_FOUND],
    example=ONE | {"count": 3},
)
class ScheduleNext(Params, frozen=True, kw_only=True):
    """List the next moments of a schedule, or of one that is only thought of.

    Attributes:
        id: The schedule's id.
        schedule: A schedule that need not be stored.
        since: The moments after this time; null means now.
        count: How many moments.
    """

    reads = {"since": times.canonical_time}

    id: ScheduleId | None = None
    schedule: ScheduleSpec | None = None
    since: Time | None = field(default=None, name="from")
    count: Annotated[int, Meta(ge=1, le=1000)] = 10
