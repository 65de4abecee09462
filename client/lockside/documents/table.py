"""Tables and buckets, as described by a user who creates them."""

import re
from enum import Enum
from typing import Annotated, Literal

from msgspec import Meta

from lockside.documents.base import FieldError, In, Text
from lockside.documents.storage import BucketId, KeyValue, TableId


class Access(Enum):
    """Who may read and write the tables of a bucket, beside its owner."""

    PRIVATE = "private"
    GROUP_READ = "groupRead"
    GROUP_WRITE = "groupWrite"
    ALL_READ = "allRead"


class BucketSpec(In, frozen=True, kw_only=True):
    """A bucket of tables.

    Attributes:
        id: The bucket's id.
        display_name: Its name for people.
        access: The access of others than its owner, who created its first table: `private` none, `groupRead`
            and `groupWrite` its group, `allRead` everybody. It cannot change while there are tables.
        metadata: Metadata of the bucket.
    """

    id: BucketId
    display_name: Annotated[str, Meta(max_length=255)] | None = None
    description: Text | None = None
    access: Access = Access.PRIVATE
    metadata: Annotated[list[KeyValue], Meta(max_length=1000)] = []


COLUMN_PATTERN = r"^[A-Za-z0-9](_*[A-Za-z0-9])*$(?!\n)"
ColumnName = Annotated[str, Meta(pattern=COLUMN_PATTERN, max_length=255)]
ColumnTypeName = Literal["STRING", "INTEGER", "NUMERIC", "FLOAT", "BOOLEAN", "DATE", "TIMESTAMP"]


class ColumnSpec(In, frozen=True, kw_only=True):
    """A column.

    Attributes:
        name: Its name: letters, digits and underscores between them.
        type: The base type of its values.
        length: Precision and scale of a NUMERIC, as in "38,9".
        nullable: Whether a row may have no value.
    """

    name: ColumnName
    type: ColumnTypeName = "STRING"
    length: str | None = None
    nullable: bool = True
    description: Text | None = None

    def check(self) -> None:
        """Raises FieldError for a length that its type does not have."""
        if self.length is None:
            return
        if self.type != "NUMERIC":
            raise FieldError(f"{self.type} has no length", "length")
        sizes = re.fullmatch(r"(\d{1,2})(?:,(\d{1,2}))?", self.length)
        if sizes is None or not int(sizes[2] or 0) <= int(sizes[1]) <= 38:
            raise FieldError(
                'It must be like "38,9": at most 38 digits, and how many of them are decimals', "length"
            )


class TableSpec(In, frozen=True, kw_only=True):
    """A table.

    Attributes:
        id: The table's id.
        columns: Its columns.
        metadata: Metadata of the table.
    """

    id: TableId
    columns: Annotated[list[ColumnSpec], Meta(max_length=1600)] = []
    primary_key: list[ColumnName] = []
    description: Text | None = None
    metadata: Annotated[list[KeyValue], Meta(max_length=1000)] = []

    def check(self) -> None:
        """Raises FieldError for two columns with the same name, and for unknown columns in the key."""
        names = [column.name.lower() for column in self.columns]
        for place, name in enumerate(names):
            if name in names[:place]:
                raise FieldError("Two columns have this name", f"columns[{place}].name")
        for place, key in enumerate(self.primary_key):
            if self.columns and key not in [column.name for column in self.columns]:
                raise FieldError("There is no such column", f"primaryKey[{place}]")
