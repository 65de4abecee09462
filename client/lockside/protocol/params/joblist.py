# ruff: noqa: RUF012 - msgspec copies empty defaults, one for each object
"""The parameters of `job.list` and `job.stats`."""

from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import Meta, field
from msgspec.structs import force_setattr

from lockside.documents import times
from lockside.documents.base import (
    NO_NUL_PATTERN,
    BranchId,
    ComponentId,
    ConfigId,
    FieldError,
    Labels,
    Name,
    PoolId,
    RunId,
    RunIdPrefix,
    Time,
)
from lockside.documents.enums import CreatorType, JobType, Status
from lockside.protocol.params.base import Cursor, PageLimit, Params
from lockside.protocol.params.jobs import JobFields
from lockside.protocol.words import statuses

if TYPE_CHECKING:
    StatusFilter = list[Status]
else:
    StatusFilter = Annotated[list[Annotated[str, Meta(max_length=64)]], Meta(max_length=100)]

Search = Annotated[str, Meta(min_length=1, max_length=255, pattern=NO_NUL_PATTERN)]


class JobFilters(Params, frozen=True, kw_only=True):
    """Filters of jobs; all that are given must match.

    `status` also takes the words of other systems; after reading it holds statuses only. `text` is a prefix
    of id, name, component or config.

    Attributes:
        status: Only jobs in one of these statuses; the words of other systems are accepted.
        component: Only jobs of this component.
        config: Only jobs of this configuration.
        branch_id: Only jobs of this branch.
        pool: Only jobs of this pool.
        parent_run_id: Only direct children of the job with this `runId`.
        run_id_prefix: Only jobs whose `runId` begins so.
        type: Only jobs of this type.
        creator: Only jobs created by this kind of creator.
        owner: Only jobs of this user.
        labels: Only jobs with all of these labels.
        name: Only jobs of exactly this name.
        text: Only jobs whose id, name, component or configuration begins so.
        created_from: Only jobs created at or after this time.
        created_to: Only jobs created before this time.
        finished_from: Only jobs that ended at or after this time.
        finished_to: Only jobs that ended before this time.
        visible: Only visible jobs (true), only hidden ones (false), or all (null).
    """

    reads = {
        "created_from": times.canonical_time,
        "created_to": times.canonical_time,
        "finished_from": times.canonical_time,
        "finished_to": times.canonical_time,
    }

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
    visible: bool | None = True

    def check(self) -> None:
        """Raises FieldError for a word that is not a status."""
        for place, word in enumerate(self.status):
            try:
                statuses([word])
            except ValueError as problem:
                raise FieldError(str(problem), f"status[{place}]") from None
        force_setattr(self, "status", statuses(self.status))


class JobList(JobFilters, frozen=True, kw_only=True):
    """Parameters of `job.list`: a page of jobs.

    Large members are left out unless asked for.

    Attributes:
        order_by: The order of the list.
        order: Ascending or descending.
        limit: How many jobs a page has.
        cursor: The `nextCursor` of the page before.
        count: Also answer the `total`.
        expand: Also answer these large members: `configData`, and the `environment` of a plain command in it.
    """

    order_by: Literal["id", "createdTime", "endTime"] = "id"
    order: Literal["asc", "desc"] = "desc"
    limit: PageLimit = 100
    cursor: Cursor | None = None
    count: bool = False
    fields: JobFields | None = None
    expand: Annotated[list[Literal["configData", "environment"]], Meta(max_length=2)] = []


class JobStats(JobFilters, frozen=True, kw_only=True):
    """Parameters of `job.stats`.

    Attributes:
        group_by: What the jobs are grouped by.
    """

    group_by: Annotated[
        list[Literal["status", "component", "config", "pool", "day"]], Meta(min_length=1, max_length=5)
    ] = field(default_factory=lambda: ["status"])
