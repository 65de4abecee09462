"""The methods that create, read and await jobs."""

from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from msgspec import Meta
from msgspec.structs import force_setattr

from lockside.documents import quantities, times
from lockside.documents.base import (
    NO_NUL_PATTERN,
    BranchId,
    ComponentId,
    ConfigId,
    DeduplicationId,
    FieldError,
    JobId,
    Labels,
    Name,
    PoolId,
    ProjectId,
    RowId,
    RunId,
    RunIdPrefix,
    Seconds,
    Tag,
    Time,
)
from lockside.documents.enums import CreatorType, JobType, Mode, Status
from lockside.documents.request import JobRequest
from lockside.protocol.declaration import Cursor, Mutation, OtherUse, PageLimit, Params, fields_of, method
from lockside.protocol.errors import ErrorKind
from lockside.protocol.types.jobs import Explanation, Job, JobPage, Jobs, WaitedJobs
from lockside.protocol.words import Role, statuses

if TYPE_CHECKING:
    JobFields = list[str]
    StatusFilter = list[Status]
else:
    JobFields = fields_of(Job)
    StatusFilter = Annotated[list[Annotated[str, Meta(max_length=64)]], Meta(max_length=100)]

Search = Annotated[str, Meta(min_length=1, max_length=255, pattern=NO_NUL_PATTERN)]

ORDERS: Final[dict[str, Any]] = {"component": "acme.orders", "config": "daily"}
ONE: Final[dict[str, Any]] = {"id": "17"}
CREATION: Final = (ErrorKind.NOT_FOUND, ErrorKind.CONFLICT, ErrorKind.DISABLED)
EXPANDED: Final = ("configData", "environment")
"""The library asks for everything that lists omit by default, so listed jobs are complete."""


@method(
    "job.create",
    Role.OPERATOR,
    answers=Job,
    refuses=CREATION,
    positional=["component", "config"],
    example=ORDERS,
)
class JobCreate(JobRequest, frozen=True, kw_only=True):
    """Create a job; it is on disk when the call returns.

    With `dryRun` the job is checked and returned, but not created.
    """

    project: ProjectId = "default"
    deduplication_id: DeduplicationId | None = None
    dry_run: bool = False
    fields: JobFields | None = None


@method("job.createMany", Role.OPERATOR, answers=Jobs, refuses=CREATION, example={"jobs": [ORDERS]})
class JobCreateMany(Mutation, frozen=True, kw_only=True):
    """Create several jobs, all or none.

    Attributes:
        jobs: The requests, in order.
    """

    jobs: Annotated[list[JobRequest], Meta(min_length=1, max_length=10_000)]
    dry_run: bool = False
    fields: JobFields | None = None


class OneJob(Params, frozen=True, kw_only=True):
    """A job to read.

    Attributes:
        id: The job's id or uuid.
    """

    id: JobId


@method("job.get", Role.VIEWER, answers=Job, refuses=[ErrorKind.NOT_FOUND], example=ONE)
class JobGet(OneJob, frozen=True, kw_only=True):
    """Return a job.

    Attributes:
        expand: Also return these objects that the job refers to, under `expanded`.
    """

    fields: JobFields | None = None
    expand: Annotated[list[Literal["pool", "component", "config"]], Meta(max_length=3)] = []


class JobFilters(Params, frozen=True, kw_only=True):
    """Filters of jobs; all that are given must match.

    `status` also accepts the words of other systems. `text` is a prefix of id, name, component or config.

    Attributes:
        ids: Only these jobs; those that do not exist are left out.
        status: Only jobs in one of these statuses; the words of other systems are accepted.
        component: Only jobs of this component.
        config: Only jobs of this configuration.
        branch_id: Only jobs of this branch.
        pool: Only jobs of this pool.
        parent_run_id: Only direct children of the job with this `runId`.
        run_id_prefix: Only jobs whose `runId` begins with this text.
        type: Only jobs of this type.
        creator: Only jobs created by this kind of creator.
        owner: Only jobs of this user.
        labels: Only jobs with all of these labels.
        name: Only jobs with exactly this name.
        text: Only jobs whose id, name, component or configuration begins with this text.
        created_from: Only jobs created at or after this time.
        created_to: Only jobs created before this time.
        finished_from: Only jobs that ended at or after this time.
        finished_to: Only jobs that ended before this time.
        started_from: Only jobs that started at or after this time.
        started_to: Only jobs that started before this time.
        duration_from: Only ended jobs that ran for at least so many seconds.
        duration_to: Only ended jobs that ran for at most so many seconds.
        mode: Only jobs in this mode.
        tag: Only jobs that run this tag of their component.
        row: Only jobs whose request names this row of their configuration.
        visible: Only visible jobs (true), only hidden ones (false), or all (null).
        only_roots: Only jobs that no container created: no rows, phases, tasks or attempts.
        acknowledged: Only failures that were acknowledged (true), only other jobs (false), or all (null).
        unresolved: Leave out jobs with a later successful retry, and failed attempts of jobs that succeeded.
    """

    reads = {
        "created_from": times.canonical_time,
        "created_to": times.canonical_time,
        "finished_from": times.canonical_time,
        "finished_to": times.canonical_time,
        "started_from": times.canonical_time,
        "started_to": times.canonical_time,
        "duration_from": quantities.duration,
        "duration_to": quantities.duration,
    }

    ids: Annotated[list[JobId], Meta(max_length=1000)] = []
    status: StatusFilter = []
    component: ComponentId | None = None
    config: ConfigId | None = None
    branch_id: BranchId | None = None
    pool: PoolId | None = None
    parent_run_id: RunId | None = None
    run_id_prefix: RunIdPrefix | None = None
    type: JobType | None = None
    creator: CreatorType | None = None
    owner: Name | None = None
    labels: Labels = {}
    name: Name | None = None
    text: Search | None = None
    created_from: Time | None = None
    created_to: Time | None = None
    finished_from: Time | None = None
    finished_to: Time | None = None
    started_from: Time | None = None
    started_to: Time | None = None
    duration_from: Seconds | None = None
    duration_to: Seconds | None = None
    mode: Mode | None = None
    tag: Tag | None = None
    row: RowId | None = None
    visible: bool | None = True
    only_roots: bool = False
    acknowledged: bool | None = None
    unresolved: bool = False

    def check(self) -> None:
        """Raises FieldError for a word that is not a status."""
        for place, word in enumerate(self.status):
            try:
                statuses([word])
            except ValueError as problem:
                raise FieldError(str(problem), f"status[{place}]") from None
        force_setattr(self, "status", statuses(self.status))


@method(
    "job.list",
    Role.VIEWER,
    answers=JobPage,
    refuses=[ErrorKind.NOT_FOUND],
    defaults={"expand": EXPANDED},
    example={"status": ["processing"]},
)
class JobList(JobFilters, frozen=True, kw_only=True):
    """List jobs, a page at a time.

    Large members are omitted unless requested.

    Attributes:
        order_by: The order of the list.
        order: Ascending or descending.
        limit: The maximum number of jobs of a page.
        cursor: The `nextCursor` of the page before.
        count: Also return the `total`.
        expand: Also return these large members: `configData`, and the `environment` of a plain command in it.
    """

    order_by: Literal["id", "createdTime", "startTime", "endTime"] = "id"
    order: Literal["asc", "desc"] = "desc"
    limit: PageLimit = 100
    cursor: Cursor | None = None
    count: bool = False
    fields: JobFields | None = None
    expand: Annotated[list[Literal["configData", "environment"]], Meta(max_length=2)] = []


@method(
    "job.wait",
    Role.VIEWER,
    answers=Job,
    other=OtherUse(
        given="ids",
        answers=WaitedJobs,
        called="job.wait_many",
        summary="Wait until all of several jobs, or any of them, are final.",
    ),
    refuses=[ErrorKind.NOT_FOUND, ErrorKind.CONFLICT],
    positional=["id", "timeout_seconds"],
    example={"id": "17", "timeoutSeconds": 60},
)
class JobWait(Params, frozen=True, kw_only=True):
    """Wait until a job, all of several jobs, or any of them, is final.

    Give either `id` or `ids`. Without a time limit the call waits as long as it takes. With `cursor` it does
    not wait but returns the next page of the `ids`.

    Attributes:
        id: The job; give either `id` or `ids`.
        ids: Several jobs.
        timeout_seconds: Return after this time at the latest; null waits as long as it takes.
        until: Wait for all of `ids`, or for any of them.
        waiter_run_id: The `runId` of the running job that waits, to detect deadlocks.
        cursor: The `nextCursor` of the page before.
    """

    reads = {"timeout_seconds": quantities.duration}

    id: JobId | None = None
    ids: Annotated[list[JobId], Meta(min_length=1, max_length=10_000)] | None = None
    timeout_seconds: Seconds | None = None
    until: Literal["all", "any"] = "all"
    waiter_run_id: RunId | None = None
    fields: JobFields | None = None
    cursor: Cursor | None = None

    def check(self) -> None:
        """Raises FieldError unless exactly one of `id` and `ids` is given."""
        if (self.id is None) == (self.ids is None):
            raise FieldError("Give either `id` or `ids`", "id")


@method("job.explain", Role.VIEWER, answers=Explanation, refuses=[ErrorKind.NOT_FOUND], example=ONE)
class JobExplain(OneJob, frozen=True, kw_only=True):
    """Return why a job waits, and its place in the queue."""
