"""The methods of tables."""

from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from lockside.documents.base import MAX_INTEGER, BranchId, FieldError, JobId
from lockside.documents.storage import BucketId, TableId, Values
from lockside.protocol.declaration import ListParams, Mutation, Params, fields_of, method
from lockside.protocol.errors import ErrorKind
from lockside.protocol.methods.jobs import JobFields
from lockside.protocol.types.jobs import Job, Jobs
from lockside.protocol.types.storage import Preview, Snapshot, StorageStatus, Table, TableHistory, Tables
from lockside.protocol.types.stored import Bucket, Buckets
from lockside.protocol.words import Role

if TYPE_CHECKING:
    BucketFields = list[str]
else:
    BucketFields = fields_of(Bucket)

TableVersionNumber = Annotated[int, Meta(ge=0, le=MAX_INTEGER)]
MISSING = [ErrorKind.NOT_FOUND, ErrorKind.DISABLED]


@method("storage.bucket.list", Role.VIEWER, answers=Buckets, refuses=[ErrorKind.NOT_FOUND])
class BucketList(ListParams, frozen=True, kw_only=True):
    """List buckets by their ids.

    Attributes:
        text: Only buckets whose id contains this.
    """

    branch_id: BranchId = "default"
    text: Annotated[str, Meta(max_length=255)] | None = None
    fields: BucketFields | None = None


@method(
    "storage.table.get",
    Role.VIEWER,
    answers=Table,
    refuses=MISSING,
    positional=["version"],
    example={"id": "in.c-shop.orders"},
)
class TableGet(Params, frozen=True, kw_only=True):
    """Return a table.

    Attributes:
        id: The table's id.
        version: A version of the table instead of the head.
    """

    id: TableId
    branch_id: BranchId = "default"
    version: TableVersionNumber | None = None


@method("storage.table.list", Role.VIEWER, answers=Tables, refuses=MISSING)
class TableList(ListParams, frozen=True, kw_only=True):
    """List tables by their ids.

    Attributes:
        bucket: Only tables of this bucket.
        text: Only tables whose id contains this.
    """

    branch_id: BranchId = "default"
    bucket: BucketId | None = None
    text: Annotated[str, Meta(max_length=255)] | None = None


@method(
    "storage.table.history",
    Role.VIEWER,
    answers=TableHistory,
    refuses=MISSING,
    example={"id": "in.c-shop.orders"},
)
class TableHistoryGet(ListParams, frozen=True, kw_only=True):
    """List the versions of a table, the newest first.

    Attributes:
        id: The table's id.
    """

    id: TableId
    branch_id: BranchId = "default"


@method(
    "storage.table.restore",
    Role.OPERATOR,
    answers=Job,
    refuses=[*MISSING, ErrorKind.CONFLICT],
    positional=["version"],
    example={"id": "in.c-shop.orders", "version": 3},
)
class TableRestore(Mutation, frozen=True, kw_only=True):
    """Give a table the content of an earlier version, as a new version; the result is the job that does it.

    Attributes:
        id: The table's id.
        version: The version whose content it gets.
        time: The version that was the newest at this time.
        before_job: The version before the first one that this job created.
        from_trash: Whether the table is recreated from the trash, as it was when last deleted.
    """

    id: TableId
    branch_id: BranchId = "default"
    version: TableVersionNumber | None = None
    time: str | None = None
    before_job: JobId | None = None
    from_trash: bool = False
    fields: JobFields | None = None

    def check(self) -> None:
        """Raises FieldError unless exactly one version is named."""
        if [self.version, self.time, self.before_job, self.from_trash or None].count(None) != 3:
            raise FieldError("Name one of version, time, beforeJob and fromTrash", "version")


@method(
    "storage.snapshot",
    Role.OPERATOR,
    answers=Snapshot,
    refuses=[*MISSING, ErrorKind.TIMEOUT, ErrorKind.UNAVAILABLE],
    positional=["tables"],
    example={"tables": ["in.c-shop.orders"]},
)
class SnapshotGet(Params, frozen=True, kw_only=True):
    """Return the heads of tables at one moment.

    Attributes:
        tables: The tables; all of the branch if empty.
        with_files: Whether to list the files of each table from its log, in a process of the caller.
    """

    tables: Annotated[list[TableId], Meta(max_length=1000)] = []
    branch_id: BranchId = "default"
    with_files: bool = True


@method(
    "storage.preview",
    Role.OPERATOR,
    answers=Preview,
    refuses=[*MISSING, ErrorKind.TIMEOUT, ErrorKind.UNAVAILABLE],
    positional=["table"],
    example={"table": "in.c-shop.orders", "limit": 10},
)
class PreviewGet(Params, frozen=True, kw_only=True):
    """Return rows of a table, or the start of an output of a job, read by a process of the caller.

    Attributes:
        table: The table's id.
        version: A version of the table instead of the head.
        time: The version that was the newest at this time.
        job: The last version that this job created; without a table, the job that wrote the output `name`.
        name: The name of a table or file that the job left in out/, stored or not.
        columns: Only these columns.
        where_column: A column to filter by.
        where_values: The values to filter by.
        where_operator: `eq` for rows with these values, `ne` for all others.
        changed_since: Only rows that changed at this time or later.
        limit: The maximum number of rows.
    """

    table: TableId | None = None
    branch_id: BranchId = "default"
    version: TableVersionNumber | None = None
    time: str | None = None
    job: JobId | None = None
    name: Annotated[str, Meta(min_length=1, max_length=255)] | None = None
    columns: list[str] = []
    where_column: str | None = None
    where_values: Values | None = None
    where_operator: Annotated[str, Meta(pattern="^(eq|ne)$")] = "eq"
    changed_since: str | None = None
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100

    def check(self) -> None:
        """Raises FieldError for half a filter, and unless exactly one source is named."""
        unnamed = [self.version, self.time, self.job].count(None)
        if self.table is not None and (unnamed < 2 or self.name is not None):
            raise FieldError("Name one of version, time and job", "version")
        if self.table is None and (self.job is None or self.name is None or unnamed < 2):
            raise FieldError("Name a table, or job and name", "table")
        if (self.where_column is None) != (self.where_values is None):
            raise FieldError("whereColumn and whereValues need each other", "whereColumn")


@method(
    "storage.vacuum",
    Role.ADMIN,
    answers=Jobs,
    refuses=MISSING,
    positional=["tables"],
)
class StorageVacuum(Mutation, frozen=True, kw_only=True):
    """Remove table data that is no longer kept; the result is a job for each owner of buckets.

    This removes files of versions that are not kept, leftovers of failed loads, old log entries, and tables
    whose time in the trash is over. The daemon does the same once a day.

    Attributes:
        tables: Only these tables, and not the trash; all of the project if empty.
        dry_run: Whether the jobs only count what they would remove.
    """

    tables: Annotated[list[TableId], Meta(max_length=1000)] = []
    branch_id: BranchId = "default"
    dry_run: bool = False
    fields: JobFields | None = None


@method("storage.status", Role.VIEWER, answers=StorageStatus)
class StorageStatusGet(Params, frozen=True, kw_only=True):
    """Return where tables are stored, and which commits cannot be published."""
