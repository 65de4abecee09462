"""The methods of schedules that other kinds do not have, or that differ from theirs."""

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
        until_time: When it is resumed automatically.
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
    """Let a paused schedule fire again; the moments during the pause are skipped.

    Attributes:
        catch_up: Run the moments of the pause after all: `last` once for all, `all` once for each.
    """

    catch_up: MisfirePolicy | None = None


@method("schedule.run", Role.OPERATOR, answers=Job, refuses=CREATION, positional=["moment"], example=ONE)
class ScheduleRun(MakerAction, frozen=True, kw_only=True):
    """Create a job of a schedule now.

    Attributes:
        moment: The past moment that the job is for, which must be settled.
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
    """Create jobs for past moments that have no successful job.

    Attributes:
        since: The first moment, or a local date.
        to: The last moment, or a local date, which is included whole.
        again: Also create jobs for moments that have a successful one.
        order: Whether the oldest moment runs first (`forward`) or the newest (`backward`).
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
    """List the outcomes of a schedule's moments, newest first.

    Attributes:
        id: The schedule's id; it may be deleted.
        since: Only moments at this time or later.
        to: Only moments at this time or earlier.
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
    """List the next moments of a schedule, which need not be stored.

    Attributes:
        id: The schedule's id.
        schedule: A schedule that need not be stored.
        since: Only moments after this time; null means now.
        count: How many moments.
    """

    reads = {"since": times.canonical_time}

    id: ScheduleId | None = None
    schedule: ScheduleSpec | None = None
    since: Time | None = field(default=None, name="from")
    count: Annotated[int, Meta(ge=1, le=1000)] = 10
