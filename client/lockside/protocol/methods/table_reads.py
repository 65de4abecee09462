"""The methods that compare versions of tables, and that follow data from table to table."""

from typing import Annotated, Literal

from msgspec import Meta, field

from lockside.documents.base import BranchId, FieldError, JobId
from lockside.documents.storage import TableId
from lockside.protocol.declaration import Params, method
from lockside.protocol.errors import ErrorKind
from lockside.protocol.methods.storage import MISSING, TableVersionNumber
from lockside.protocol.types.lineage import Lineage
from lockside.protocol.types.storage import TableDiff
from lockside.protocol.words import Role


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
        to: The newer version; the head when left out.
        limit: How many rows of each kind are answered at most.
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
    """Return which jobs made a version of a table and from what, or what was made of it.

    Attributes:
        version: A version of it instead of the head.
        job: A job from which to go on instead of a table.
        direction: `up` to what it was made from, `down` to what was made of it.
        depth: Over how many jobs.
    """

    table: TableId | None = None
    branch_id: BranchId = "default"
    version: TableVersionNumber | None = None
    job: JobId | None = None
    direction: Literal["up", "down"] = "up"
    depth: Annotated[int, Meta(ge=1, le=100)] = 10

    def check(self) -> None:
        """Raises FieldError unless one place to begin is named."""
        if (self.table is None) == (self.job is None):
            raise FieldError("Name a table or a job", "table")
