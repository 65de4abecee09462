"""The storage mapping of a configuration: which tables and files a job reads and writes. Names are Keboola's,
in snake case. Unknown members are accepted.
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from lockside.documents.base import Document, FieldError
from lockside.documents.stored_files import FileName, InputFile, OutputFile
from lockside.documents.times import ADAPTIVE, is_moment

TABLE_PATTERN = r"^(in|out)\.[A-Za-z0-9][A-Za-z0-9_-]{0,97}\.[A-Za-z0-9][A-Za-z0-9_-]{0,95}$(?!\n)"
DELIMITER_PATTERN = r"^[^\r\n\x00]*$(?!\n)"
ENCLOSURE_PATTERN = r"^[\x01-\t\x0B\x0C\x0E-\x7F]*$(?!\n)"
BUCKET_PATTERN = r"^(in|out)\.[A-Za-z0-9][A-Za-z0-9_-]{0,97}$(?!\n)"

TableId = Annotated[str, Meta(pattern=TABLE_PATTERN, examples=["in.c-shop.orders"])]
BucketId = Annotated[str, Meta(pattern=BUCKET_PATTERN, examples=["in.c-shop"])]
Values = list[str | int | float | bool | None]


class Mapped(Document, frozen=True, kw_only=True, rename="lower"):
    """A part of a storage mapping."""


class RuleOfRows(Mapped, frozen=True, kw_only=True, rename="lower", forbid_unknown_fields=True):
    """A part of a rule that deletes rows; an unknown member is an error, as without it all rows may match."""


class KeyValue(Mapped, frozen=True, kw_only=True):
    """A piece of metadata.

    Attributes:
        key: Its key.
        value: Its value.
    """

    key: str
    value: Any = None


class ColumnValues(RuleOfRows, frozen=True, kw_only=True):
    """A column of a table whose values a filter compares with.

    Attributes:
        bucket_id: The bucket of the table.
        table: The table's name in its bucket.
        column: The column.
    """

    bucket_id: BucketId
    table: str
    column: str

    @property
    def source(self) -> str:
        """The table's id."""
        return self.table if self.table.count(".") == 2 else f"{self.bucket_id}.{self.table}"


class DeleteFilter(RuleOfRows, frozen=True, kw_only=True):
    """Which values of a column a rule deletes.

    Attributes:
        column: The column.
        operator: `eq` deletes rows with one of the values, `ne` rows with none of them.
        values_from_set: The values.
        values_from_storage: The table and the column that have them.
        values_from_workspace: Refused; workspaces are not supported.
    """

    column: str
    operator: Literal["eq", "ne"] = "eq"
    values_from_set: Values | None = None
    values_from_storage: ColumnValues | None = None
    values_from_workspace: dict[str, Any] | None = None

    def check(self) -> None:
        """Raises FieldError unless exactly one source of values is given."""
        if self.values_from_workspace is not None:
            raise FieldError("There are no workspaces: give the values, or a table", "values_from_workspace")
        if (self.values_from_set is None) == (self.values_from_storage is None):
            raise FieldError("Give either the values, or the table that has them", "values_from_set")


class DeleteRule(RuleOfRows, frozen=True, kw_only=True):
    """Rows to delete before a load: those that match all filters and both times.

    Attributes:
        changed_since: Rows that changed at this time or later.
        changed_until: Rows that changed before this time.
        where_filters: Filters by value.
    """

    changed_since: str | None = None
    changed_until: str | None = None
    where_filters: list[DeleteFilter] = []

    def check(self) -> None:
        """Raises FieldError if a time is invalid."""
        for name in ("changed_since", "changed_until"):
            if not is_moment(getattr(self, name) or ""):
                raise FieldError('It is neither a time, nor like "-2 days"', name)


class Check(Mapped, frozen=True, kw_only=True):
    """A condition that a table must meet before it becomes visible.

    Attributes:
        kind: The kind of check.
        value: The number of rows, or for `maxShrink` the share (0 to 1) by which their number may fall.
        columns: The columns that must not be empty, or that must be unique together.
        query: A query over `this` and `previous`; each row that it returns is a failure.
        on_fail: Whether a failure is an error or a warning.
    """

    kind: Literal["minRows", "maxRows", "maxShrink", "notNull", "unique", "sql"]
    value: float | None = None
    columns: list[str] = []
    query: str | None = None
    on_fail: Literal["error", "warning"] = msgspec.field(default="error", name="onFail")

    def check(self) -> None:
        """Raises FieldError for a check without the member that it requires."""
        if self.kind in ("minRows", "maxRows", "maxShrink") and self.value is None:
            raise FieldError(f"A check of kind {self.kind} needs a value", "value")
        if self.kind in ("notNull", "unique") and not self.columns:
            raise FieldError(f"A check of kind {self.kind} needs columns", "columns")
        if self.kind == "sql" and not self.query:
            raise FieldError("A check of kind sql needs a query", "query")


class OutputTable(Mapped, frozen=True, kw_only=True):
    """How a file or folder in out/tables is stored; a manifest has the same members.

    Attributes:
        source: The name of the file or folder.
        destination: The table's id, or its name in the default bucket.
        incremental: Whether rows are added to the table, or replace its content.
        primary_key: The columns of the primary key.
        columns: The columns of a file without a header.
        schema: The columns with their types.
        has_header: Whether a file with a schema begins with a header.
        delimiter: The character between two fields.
        enclosure: The character around a field; empty for none.
        delete_where: Rows to delete before the load.
        delete_where_column: The column of a further rule.
        delete_where_values: The values of that rule.
        delete_where_operator: The operator of that rule, `eq` or `ne`.
        deduplication_strategy: `insert` adds rows without checking their keys.
        metadata: Metadata of the table; kept without effect.
        table_metadata: The same, as an object.
        column_metadata: Metadata of columns, by name; kept without effect.
        distribution_key: Kept without effect.
        write_always: Whether it is also stored if the job fails.
        on_bad_rows: The effect of rows that are invalid or of another type: `error` fails the load, `reject`
            leaves them out and lists them in `artifacts/out/failed_records.jsonl`.
        max_bad_rows: With more rejected rows than this the load fails.
        checks: Conditions that the table must meet before it becomes visible.
        require_unchanged: Whether it is an error if another job has changed the table since this one started.
    """

    source: FileName
    destination: str | None = None
    incremental: bool = False
    primary_key: list[str] = []
    columns: list[str] = []
    schema: list[dict[str, Any]] = []
    has_header: bool | None = None
    delimiter: Annotated[str, Meta(min_length=1, max_length=1, pattern=DELIMITER_PATTERN)] = ","
    enclosure: Annotated[str, Meta(max_length=1, pattern=ENCLOSURE_PATTERN)] = '"'
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
    write_always: bool = False
    on_bad_rows: Literal["error", "reject"] = "error"
    max_bad_rows: Annotated[int, Meta(ge=0)] = 1000
    checks: list[Check] = []
    require_unchanged: bool = False


class Output(Mapped, frozen=True, kw_only=True):
    """How the output of a job in out/ is stored.

    Attributes:
        tables: How files in out/tables are stored.
        files: How files in out/files are stored.
        default_bucket: The bucket of tables without one.
        data_type_support: `authoritative` types are the columns' types; with `hints` and `none` columns are
            texts. It overrides the component's setting.
        treat_values_as_null: Texts that mean no value.
        table_modifications: Which changes of a table's structure a load may make.
    """

    tables: list[OutputTable] = []
    files: list[OutputFile] = []
    default_bucket: BucketId | None = None
    data_type_support: Literal["authoritative", "hints", "none"] | None = None
    treat_values_as_null: list[str] = []
    table_modifications: Literal["none", "non-destructive", "all"] = "non-destructive"


class InputColumn(Mapped, frozen=True, kw_only=True):
    """A column to read.

    Attributes:
        source: The column.
    """

    source: str


class InputTable(Mapped, frozen=True, kw_only=True):
    """A table that a job reads.

    Attributes:
        source: The table's id.
        version: A version of the table instead of the newest.
        source_branch_id: The branch of the table, without fallback to another.
        destination: The name of the file in in/tables; by default the table's id.
        columns: Only these columns, in this order.
        column_types: The same; types have no effect.
        where_column: A column to filter by.
        where_values: The values to filter by.
        where_operator: `eq` for rows with these values, `ne` for all others.
        changed_since: Only rows that changed at this time or later, or `adaptive`.
        days: The same as a number of days before now.
        limit: The maximum number of rows; 0 means all.
        file_type: `csv`, or `parquet` for a folder of Parquet files.
    """

    source: TableId
    version: Annotated[int, Meta(ge=0)] | None = None
    source_branch_id: str | int | None = None
    destination: FileName | None = None
    columns: list[str] = []
    column_types: list[InputColumn] = []
    where_column: str | None = None
    where_values: Values | None = None
    where_operator: Literal["eq", "ne"] | None = None
    changed_since: str | None = None
    days: Annotated[int, Meta(ge=0)] | None = None
    limit: Annotated[int, Meta(ge=0)] | None = None
    file_type: Literal["csv", "parquet"] = "csv"

    def check(self) -> None:
        """Raises FieldError for members that contradict each other."""
        if (self.where_column or None) is None and self.where_values:
            raise FieldError("where_values needs where_column", "where_column")
        if self.where_column and self.where_values is None:
            raise FieldError("where_column needs where_values", "where_values")
        if self.changed_since not in (None, ADAPTIVE) and not is_moment(self.changed_since):
            text = 'It must be a time, a text such as "-2 days", or "adaptive"'
            raise FieldError(text, "changed_since")
        if self.days and self.changed_since:
            raise FieldError('Cannot set both parameters "days" and "changed_since"', "days")
        typed = [column.source for column in self.column_types]
        if self.columns and typed and self.columns != typed:
            raise FieldError("columns and column_types name different columns", "column_types")

    @property
    def target(self) -> str:
        """The name of the file in in/tables."""
        return self.destination or self.source

    @property
    def wanted(self) -> list[str]:
        """The columns to read; empty for all."""
        return self.columns or [column.source for column in self.column_types]


class Input(Mapped, frozen=True, kw_only=True):
    """What a job reads.

    Attributes:
        tables: The tables that it reads.
        files: The stored files that it reads.
    """

    tables: list[InputTable] = []
    files: list[InputFile] = []

    def check(self) -> None:
        """Raises FieldError for two tables with the same name."""
        seen: set[str] = set()
        for place, table in enumerate(self.tables):
            if table.target in seen:
                raise FieldError(
                    f"Two tables have the destination {table.target!r}", f"tables[{place}].destination"
                )
            if table.target.endswith(".manifest"):
                raise FieldError("It is the name of a manifest", f"tables[{place}].destination")
            seen.add(table.target)


class Storage(Mapped, frozen=True, kw_only=True):
    """The storage mapping.

    Attributes:
        input: What the job reads.
        output: How its output in out/ is stored.
    """

    input: Input = Input()
    output: Output = Output()
