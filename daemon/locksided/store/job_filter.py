"""Which jobs a list has, and in which order. How they are found stands in joblist.py."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from locksided.store.paging import PageRequest
from locksided.store.rows import BriefRow, JobRow


class OrderBy(Enum):
    """What a list is ordered by; the id decides between equals. What has no such time sorts as the last."""

    ID = "id"
    CREATED = "createdTime"
    STARTED = "startTime"
    ENDED = "endTime"


@dataclass(frozen=True, slots=True)
class JobFilter:
    """All that is given must hold; what is None or empty does not restrict. Ranges include both ends.

    `run_id_prefix` is a run and all below it; `text` is how the id, name, component or config begins,
    case and all. `visible` None lists hidden jobs too. Roots are the jobs that no container made;
    `unresolved` leaves out what a later retry made good. Durations are of jobs that started and ended, in
    microseconds without pauses. `row` is one that the request asked for.
    """

    project: str = "default"
    ids: tuple[int, ...] = ()
    statuses: tuple[str, ...] = ()
    component: str | None = None
    config: str | None = None
    branch: str | None = None
    pool: str | None = None
    parent_run_id: str | None = None
    run_id_prefix: str | None = None
    type: str | None = None
    creator_type: str | None = None
    creator_id: str | None = None
    owner_uid: int | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    name: str | None = None
    text: str | None = None
    created_from_us: int | None = None
    created_to_us: int | None = None
    finished_from_us: int | None = None
    finished_to_us: int | None = None
    started_from_us: int | None = None
    started_to_us: int | None = None
    duration_from_us: int | None = None
    duration_to_us: int | None = None
    mode: str | None = None
    tag: str | None = None
    row: str | None = None
    visible: bool | None = True
    retry_of: int | None = None
    only_roots: bool = False
    acknowledged: bool | None = None
    unresolved: bool = False


@dataclass(frozen=True, slots=True)
class JobPage(PageRequest):
    """Which part of a list of jobs, in which order; `count` also counts all of it.

    `record` is what is read of each job.
    """

    limit: int = 100
    order_by: OrderBy = OrderBy.ID
    descending: bool = True
    count: bool = False
    record: type[JobRow] | type[BriefRow] = JobRow

    @property
    def order(self) -> str:
        """The order's name in a cursor."""
        return f"jobs by {self.order_by.value} {'down' if self.descending else 'up'}"
