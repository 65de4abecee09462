"""The methods that change existing tables: their rows, keys and columns."""

from typing import Annotated

from msgspec import Meta, field

from lockside.documents.base import BranchId, FieldError, In
from lockside.documents.storage import DeleteRule, TableId
from lockside.protocol.declaration import Mutation, method
from lockside.protocol.errors import ErrorKind
from lockside.protocol.methods.jobs import JobFields
from lockside.protocol.types.jobs import Job
from lockside.protocol.words import Role

CHANGING = [ErrorKind.NOT_FOUND, ErrorKind.DISABLED]
ColumnName = Annotated[str, Meta(min_length=1, max_length=255)]


class TableChange(Mutation, frozen=True, kw_only=True):
    """A table to change; the result is the job that does it, in one commit.

    Attributes:
        id: The table's id.
    """

    id: TableId
    branch_id: BranchId = "default"
    fields: JobFields | None = None


@method(
    "storage.table.deleteRows",
    Role.OPERATOR,
    answers=Job,
    refuses=CHANGING,
    positional=["delete_where"],
    example={
        "id": "in.c-shop.orders",
        "delete_where": [{"where_filters": [{"column": "id", "values_from_set": ["17"]}]}],
    },
)
class TableDeleteRows(TableChange, frozen=True, kw_only=True):
    """Delete the rows of a table that match any rule; the result is the job that does it.

    Attributes:
        delete_where: The rules; an empty rule matches all rows.
    """

    delete_where: Annotated[list[DeleteRule], Meta(min_length=1, max_length=100)] = field(name="delete_where")


@method(
    "storage.table.setPrimaryKey",
    Role.OPERATOR,
    answers=Job,
    refuses=CHANGING,
    example={"id": "in.c-shop.orders", "primaryKey": ["id"]},
)
class TableSetPrimaryKey(TableChange, frozen=True, kw_only=True):
    """Give a table another primary key; the result is the job that checks all rows and does it.

    Attributes:
        primary_key: The columns of the key; empty for no key.
    """

    primary_key: Annotated[list[ColumnName], Meta(max_length=64)]


@method(
    "storage.table.adopt",
    Role.ADMIN,
    answers=Job,
    refuses=[*CHANGING, ErrorKind.CONFLICT],
    example={"id": "in.c-shop.orders"},
)
class TableAdopt(TableChange, frozen=True, kw_only=True):
    """Adopt what another program wrote to a table's log; the result is the job that does it.

    Only entries that conform to reader version 1 and writer version 2 can be adopted. Rows without a
    `_timestamp` get the time of their file. A primary key that these rows break is dropped.
    """


class ColumnType(In, frozen=True, kw_only=True):
    """A type of values.

    Attributes:
        type: STRING, INTEGER, NUMERIC, FLOAT, BOOLEAN, DATE or TIMESTAMP.
        length: Precision and scale of a NUMERIC, as in "38,9".
    """

    type: Annotated[str, Meta(max_length=32)] = "STRING"
    length: Annotated[str, Meta(max_length=32)] | None = None


class NewColumn(ColumnType, frozen=True, kw_only=True):
    """A column to add to a table, without a value in existing rows.

    Attributes:
        name: Its name.
    """

    name: ColumnName


@method(
    "storage.table.alter",
    Role.OPERATOR,
    answers=Job,
    refuses=CHANGING,
    example={"id": "in.c-shop.orders", "addColumns": [{"name": "note"}]},
)
class TableAlter(TableChange, frozen=True, kw_only=True):
    """Add columns to a table, drop columns, change types; the result is the job that does it.

    Attributes:
        add_columns: Columns to add.
        drop_columns: Columns to drop, with their values.
        types: New types by column; values are converted, and a value that cannot be converted is an error.
    """

    add_columns: Annotated[list[NewColumn], Meta(max_length=1600)] = []
    drop_columns: Annotated[list[ColumnName], Meta(max_length=1600)] = []
    types: Annotated[dict[ColumnName, ColumnType], Meta(max_length=1600)] = {}

    def check(self) -> None:
        """Raises FieldError if nothing is to change."""
        if not (self.add_columns or self.drop_columns or self.types):
            raise FieldError("Name what is to change", "addColumns")
