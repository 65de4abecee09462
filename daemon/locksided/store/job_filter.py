"""The selection and order of jobs in a list. How they are found is in search.py."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from locksided.store.paging import PageRequest
from locksided.store.rows import BriefRow, JobRow


class OrderBy(Enum):
    """The order of a list; equal values are ordered by id. Jobs without such a time sort last."""

    ID = "id"
    CREATED = "createdTime"
    STARTED = "startTime"
    ENDED = "endTime"


@dataclass(frozen=True, slots=True)
class JobFilter:
    """All given conditions must hold; None or empty does not restrict. Ranges include both ends.

    `run_id_prefix` is a run and its descendants; `text` is a case-sensitive prefix of the id, name, component
    or config. `visible` None includes hidden jobs. Roots are the jobs that no container created; `unresolved`
    excludes failures that a later retry resolved. Durations are of jobs that started and ended, in
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
    """The part of a list of jobs, its order, and what is read of each job; `count` requests the total."""

    limit: int = 100
    order_by: OrderBy = OrderBy.ID
    descending: bool = True
    count: bool = False
    record: type[JobRow] | type[BriefRow] = JobRow

    @property
    def order(self) -> str:
        """The order's name in a cursor."""
        return f"jobs by {self.order_by.value} {'down' if self.descending else 'up'}"
