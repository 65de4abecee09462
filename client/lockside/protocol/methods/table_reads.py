"""The methods that compare versions of tables and return the lineage of data."""

from typing import Annotated, Literal

from msgspec import Meta, field

from lockside.documents.base import BranchId, FieldError, JobId, Out
from lockside.documents.storage import TableId
from lockside.protocol.declaration import Params, method
from lockside.protocol.errors import ErrorKind
from lockside.protocol.methods.storage import MISSING, TableVersionNumber
from lockside.protocol.types.storage import TableDiff
from lockside.protocol.words import Role


class LineageNode(Out, frozen=True, kw_only=True):
    """A version of a table, or a job.

    Attributes:
        id: Its name in `edges`.
        kind: Whether it is a table or a job.
        branch_id: The table's branch.
        version: The table's version.
        component: The job's component; null if the job was purged.
        config: The job's configuration.
        status: The job's status; null if the job was purged.
        time: When the job was created.
    """

    id: str
    kind: Literal["table", "job"]
    table: str | None = None
    branch_id: str | None = None
    version: int | None = None
    job: str | None = None
    component: str | None = None
    config: str | None = None
    status: str | None = None
    time: str | None = None


class LineageEdge(Out, frozen=True, kw_only=True):
    """An input or an output of a job.

    Attributes:
        from_id: The table that was read, or the job that wrote.
        to_id: The job that read, or the table that was written.
    """

    from_id: str
    to_id: str


class Lineage(Out, frozen=True, kw_only=True):
    """How data moved from table to table.

    Attributes:
        nodes: Versions of tables, and jobs.
        edges: From each table to the job that read it, and from each job to the table that it wrote.
        is_truncated: Whether there is more than was returned.
    """

    nodes: list[LineageNode]
    edges: list[LineageEdge]
    is_truncated: bool = False


@method(
    "storage.diff",
    Role.OPERATOR,
    answers=TableDiff,
    refuses=[*MISSING, ErrorKind.TIMEOUT, ErrorKind.UNAVAILABLE],
    example={"table": "in.c-shop.orders", "from": 3, "to": 4},
)
class DiffGet(Params, frozen=True, kw_only=True):
    """Return the rows in which two versions of a table differ, read by a process of the caller.

    Attributes:
        since: The older version.
        to: The newer version; by default the head.
        limit: The maximum number of rows of each kind.
    """

    table: TableId
    branch_id: BranchId = "default"
    since: TableVersionNumber = field(name="from")
    to: TableVersionNumber | None = None
    limit: Annotated[int, Meta(ge=0, le=1000)] = 100


@method(
    "storage.lineage",
    Role.VIEWER,
    answers=Lineage,
    refuses=MISSING,
    example={"table": "in.c-shop.orders", "direction": "up"},
)
class LineageGet(Params, frozen=True, kw_only=True):
    """Return which jobs created a version of a table and from which tables, or what was created from it.

    Attributes:
        version: A version of the table instead of the head.
        job: A job to start from instead of a table.
        direction: `up` to the inputs, `down` to what was created from it.
        depth: The maximum number of jobs on a path.
    """

    table: TableId | None = None
    branch_id: BranchId = "default"
    version: TableVersionNumber | None = None
    job: JobId | None = None
    direction: Literal["up", "down"] = "up"
    depth: Annotated[int, Meta(ge=1, le=100)] = 10

    def check(self) -> None:
        """Raises FieldError unless exactly one starting point is named."""
        if (self.table is None) == (self.job is None):
            raise FieldError("Name a table or a job", "table")
