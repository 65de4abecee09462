# ruff: noqa: RUF012 - msgspec copies empty defaults, one for each object
"""The methods that make tables, and that carry rows into and out of them."""

from typing import Annotated, Any, Literal

from msgspec import Meta

from lockside.documents.base import BranchId, FieldError, SystemId
from lockside.documents.storage import (
    Check,
    ColumnType,
    DeleteRule,
    InputTable,
    KeyValue,
    OutputTable,
    TableId,
    Values,
)
from lockside.documents.storage_jobs import DataPath, StorageJob, TargetPath, check_target
from lockside.documents.table import TableSpec
from lockside.protocol.declaration import Mutation, method
from lockside.protocol.errors import ErrorKind
from lockside.protocol.methods.jobs import JobFields
from lockside.protocol.methods.storage import TableVersionNumber
from lockside.protocol.types.jobs import Job
from lockside.protocol.types.storage import Table, TableDeleted
from lockside.protocol.words import Role

CHANGING = [ErrorKind.NOT_FOUND, ErrorKind.DISABLED, ErrorKind.CONFLICT]


@method(
    "storage.table.put",
    Role.OPERATOR,
    answers=Table,
    refuses=[*CHANGING, ErrorKind.TIMEOUT],
    example={"table": {"id": "in.c-shop.orders", "columns": [{"name": "id"}], "primaryKey": ["id"]}},
)
class TablePut(Mutation, frozen=True, kw_only=True):
    """Make an empty table; of one that exists only texts and metadata are changed.

    Attributes:
        table: The whole table.
    """

    table: TableSpec
    branch_id: BranchId = "default"


@method(
    "storage.table.delete",
    Role.OPERATOR,
    answers=TableDeleted,
    refuses=[*CHANGING, ErrorKind.TIMEOUT],
    example={"id": "in.c-shop.orders"},
)
class TableDelete(Mutation, frozen=True, kw_only=True):
    """Put a table into the trash, from which it is removed after `[storage] trash_days`.

    Attributes:
        id: The table's id.
    """

    id: TableId
    branch_id: BranchId = "default"


@method(
    "storage.table.import",
    Role.OPERATOR,
    answers=Job,
    refuses=CHANGING,
    called="storage.table.load",
    example={"id": "in.c-shop.orders", "path": "/data/orders.csv", "primaryKey": ["id"]},
)
class TableImport(Mutation, frozen=True, kw_only=True):
    """Load a file into a table; the answer is the job that does it, and reads the file as the caller.

    Attributes:
        id: The table's id.
        path: The file, or a folder of slices.
    """

    same_as = (OutputTable,)

    id: TableId
    path: DataPath
    branch_id: BranchId = "default"
    incremental: bool = False
    primary_key: list[str] = []
    columns: list[str] = []
    schema: list[dict[str, Any]] = []
    has_header: bool | None = None
    delimiter: Annotated[str, Meta(min_length=1, max_length=1)] = ","
    enclosure: Annotated[str, Meta(max_length=1)] = '"'
    delete_where: list[DeleteRule] = []
    delete_where_column: str | None = None
    delete_where_values: Values | None = None
    delete_where_operator: Literal["eq", "ne"] = "eq"
    deduplication_strategy: str | None = None
    description: str | None = None
    metadata: list[KeyValue] = []
    table_metadata: dict[str, Any] | list[KeyValue] = {}
    column_metadata: dict[str, Any] | list[Any] = {}
    distribution_key: list[str] = []
    on_bad_rows: Literal["error", "reject"] = "error"
    max_bad_rows: Annotated[int, Meta(ge=0)] = 1000
    checks: list[Check] = []
    require_unchanged: bool = False
    fields: JobFields | None = None


@method(
    "storage.table.export",
    Role.OPERATOR,
    answers=Job,
    refuses=CHANGING,
    example={"id": "in.c-shop.orders", "path": "/data/orders.csv"},
)
class TableExport(Mutation, frozen=True, kw_only=True):
    """Write a table to a file; the answer is the job that does it, and writes the file as the caller.

    Attributes:
        id: The table's id.
        path: The file, relative in a `system`; with the format `parquet` a folder of files.
        format: The form of the file.
        overwrite: Whether a file that is there already is replaced.
    """

    same_as = (InputTable, StorageJob)

    id: TableId
    path: TargetPath
    system: SystemId | None = None
    branch_id: BranchId = "default"
    version: TableVersionNumber | None = None
    format: Literal["csv", "parquet"] = "csv"
    overwrite: bool = False
    columns: list[str] = []
    column_types: list[ColumnType] = []
    where_column: str | None = None
    where_values: Values | None = None
    where_operator: Annotated[str, Meta(pattern="^(eq|ne)$")] | None = None
    changed_since: str | None = None
    days: Annotated[int, Meta(ge=0)] | None = None
    limit: Annotated[int, Meta(ge=0)] | None = None
    fields: JobFields | None = None

    def check(self) -> None:
        """Raises FieldError for a filter with one half, and for a path of another form."""
        check_target(self.path, self.system)
        if (self.where_column is None) != (self.where_values is None):
            raise FieldError("whereColumn and whereValues need each other", "whereColumn")


@method(
    "storage.table.clone",
    Role.OPERATOR,
    answers=Job,
    refuses=CHANGING,
    example={"id": "in.c-shop.orders", "toId": "in.c-shop.orders_2"},
)
class TableClone(Mutation, frozen=True, kw_only=True):
    """Make a new table with the content of another; the answer is the job that does it.

    No data is copied where files can be linked.

    Attributes:
        id: The table's id.
        version: A version of it instead of the head.
        to_id: The id of the new table; the same when left out.
        to_branch_id: The branch of the new table; the same when left out.
    """

    id: TableId
    branch_id: BranchId = "default"
    version: TableVersionNumber | None = None
    to_id: TableId | None = None
    to_branch_id: BranchId | None = None
    fields: JobFields | None = None

    def check(self) -> None:
        """Raises FieldError for a table that would be its own clone."""
        if self.to_id in (None, self.id) and self.to_branch_id in (None, self.branch_id):
            raise FieldError("Name another id, or another branch", "toId")
