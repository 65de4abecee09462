"""Tables, their versions and contents."""

from typing import Literal

from lockside.documents.base import ListPage, Out


class TableColumn(Out, frozen=True, kw_only=True):
    """A column of a table.

    Attributes:
        type: STRING, INTEGER, NUMERIC, FLOAT, BOOLEAN, DATE or TIMESTAMP.
        length: Precision and scale of a NUMERIC, as in "38,9".
        nullable: Whether a row may have no value.
    """

    name: str
    type: str = "STRING"
    length: str | None = None
    nullable: bool = True
    description: str | None = None


class Metadata(Out, frozen=True, kw_only=True):
    """A piece of metadata of a table or a column.

    Attributes:
        key: Its key, unique for each provider.
        value: Its value.
        provider: Who set it: a component, `user`, or `system`.
        timestamp: When it was set.
    """

    id: str
    key: str
    value: str
    provider: str
    timestamp: str


class Table(Out, frozen=True, kw_only=True):
    """A table, as of its newest version.

    Attributes:
        display_name: Its name in its bucket.
        bucket: The bucket's id.
        columns: The names of its columns.
        definition: The columns with their types.
        created: When it was created.
        last_import_date: When a job last loaded it.
        last_change_date: When a load last changed it.
        rows_count: The number of rows.
        data_size_bytes: The total size of its files.
        metadata: Metadata of the table, set by components and users.
        column_metadata: Metadata of columns, by column name.
        is_typed: Whether it has a column of a type other than STRING.
        version: The version that is shown.
        published_version: The newest version that all readers of its folder see; null before the first.
        oldest_version: The oldest version that is kept.
        uri: The location of its folder.
        health: `good`; `unpublished` while its last commits cannot be published; `foreign` when another
            program wrote to its log; `damaged` when files of it are missing. The last two are read-only.
    """

    id: str
    name: str
    display_name: str
    branch_id: str
    bucket: str
    primary_key: list[str] = []
    columns: list[str] = []
    definition: list[TableColumn] = []
    metadata: list[Metadata] = []
    column_metadata: dict[str, list[Metadata]] = {}
    description: str | None = None
    created: str
    last_import_date: str
    last_change_date: str
    rows_count: int
    data_size_bytes: int
    is_typed: bool
    version: int
    published_version: int | None
    oldest_version: int
    uri: str
    health: Literal["good", "unpublished", "foreign", "damaged"]


class Tables(ListPage, frozen=True, kw_only=True):
    """Tables by their ids."""

    tables: list[Table]


class TableRead(Out, frozen=True, kw_only=True):
    """A table that was read.

    Attributes:
        version: The version of it that was read.
        branch_id: The branch of the table.
    """

    table: str
    version: int
    branch_id: str = "default"


class TableVersion(Out, frozen=True, kw_only=True):
    """A version of a table, created by one commit.

    Attributes:
        serial: A number that increases over all tables and is never reused.
        operation: The kind of commit.
        user: The owner of the job.
        rows_count: How many rows the table had after it.
        records_count: How many records were loaded.
        rows_inserted: How many rows it added.
        rows_updated: How many rows got other values.
        rows_unchanged: How many records were equal to existing rows.
        rows_duplicate: How many records had the key of a later one.
        rows_rejected: How many records were left out.
        rows_deleted: How many rows were deleted before the load.
        inputs: The tables that its job read.
        published: Whether all readers of the table's folder see it.
        foreign: Whether another program created it and it was adopted.
    """

    version: int
    time: str
    serial: int
    operation: str
    job: str | None = None
    component: str | None = None
    config: str | None = None
    user: str | None = None
    rows_count: int
    records_count: int = 0
    rows_inserted: int = 0
    rows_updated: int = 0
    rows_unchanged: int = 0
    rows_duplicate: int = 0
    rows_rejected: int = 0
    rows_deleted: int = 0
    inputs: list[TableRead] = []
    published: bool
    foreign: bool = False


class TableHistory(ListPage, frozen=True, kw_only=True):
    """The versions of a table, the newest first."""

    versions: list[TableVersion]


class UndoneTable(Out, frozen=True, kw_only=True):
    """A table that a job wrote.

    Attributes:
        version: Its newest version.
        to_version: The version whose content it gets; null when it goes to the trash.
        later_jobs: The jobs that have changed it since.
    """

    id: str
    branch_id: str
    version: int
    to_version: int | None
    later_jobs: list[str] = []


class UndoneState(Out, frozen=True, kw_only=True):
    """A state that a job saved.

    Attributes:
        row: The row whose state it is; null for the configuration itself.
        version: Its newest version.
        to_version: The version that is restored; 0 for none.
        later_jobs: The job that has saved it since.
    """

    component: str
    config: str
    branch_id: str
    row: str | None
    version: int
    to_version: int
    later_jobs: list[str] = []


class UndoneFile(Out, frozen=True, kw_only=True):
    """A file that undoing a job deletes."""

    id: str
    name: str


class UndoPlan(Out, frozen=True, kw_only=True):
    """What undoing a job changes.

    Attributes:
        job: The job that is undone.
        tables: The tables that it wrote.
        states: The states that it saved.
        files: The files that it stored.
        conflicts: Why it is refused; `force` only overrides conflicts with changes of other jobs.
    """

    job: str
    tables: list[UndoneTable]
    states: list[UndoneState]
    files: list[UndoneFile] = []
    conflicts: list[str] = []


class SnapshotTable(Out, frozen=True, kw_only=True):
    """A table at one moment.

    Attributes:
        folder: Its folder below the root of the lake.
        uri: The location of its folder.
        files: The locations of the version's Parquet files; null if they were not requested, or if the caller
            may not read the table.
        staged: The commits that may not be published yet, by their names in `_lockside/staged`; each begins
            with the number of its version.
    """

    id: str
    version: int
    folder: str
    uri: str
    files: list[str] | None = None
    staged: list[str] = []


class Snapshot(Out, frozen=True, kw_only=True):
    """The heads of tables at one moment.

    Attributes:
        root: The root of the lake.
        program: The program that reads the tables; its arguments are an operation and a folder with its
            order.
    """

    time: str
    root: str
    program: list[str]
    tables: list[SnapshotTable]


class Preview(Out, frozen=True, kw_only=True):
    """The first rows of a table, or the start of a file.

    Attributes:
        columns: Its columns.
        rows: Its rows: each value as text, or null.
        version: The table's version; null for a file.
        rows_count: The number of rows of the table.
        preview_type: `csv` for a table; `csv`, `json`, `text` or `binary` for a file.
        text: The start of a file that is not binary.
        is_truncated: Whether there is more than is shown.
    """

    columns: list[TableColumn] = []
    rows: list[list[str | None]] = []
    version: int | None = None
    rows_count: int | None = None
    preview_type: str = "csv"
    text: str | None = None
    is_truncated: bool = False


class Unpublished(Out, frozen=True, kw_only=True):
    """A commit that is not yet visible to readers of the table's folder.

    Attributes:
        cause: Why the last try failed; null before the first.
        since: Since when it has failed.
    """

    table: str
    branch_id: str
    version: int
    cause: str | None = None
    since: str | None = None


class TroubledTable(Out, frozen=True, kw_only=True):
    """A table that is read-only.

    Attributes:
        version: The version that is foreign, or missing.
        cause: What is wrong.
    """

    table: str
    branch_id: str
    version: int
    cause: str


class StorageStatus(Out, frozen=True, kw_only=True):
    """The lake as a whole.

    Attributes:
        backend: Where tables are stored: in a `lake`, or nowhere (`local`).
        root: Where the tables are.
        lake_id: The random id of this lake, which is in the logs of its tables.
        tables: The number of tables.
        bytes: The total size of their files.
        unpublished: Commits that are not published yet.
        foreign: Tables to whose logs another program wrote.
        damaged: Tables with missing files.
    """

    backend: str
    root: str
    lake_id: str
    tables: int
    bytes: int
    unpublished: list[Unpublished]
    foreign: list[TroubledTable] = []
    damaged: list[TroubledTable] = []


class TableDeleted(Out, frozen=True, kw_only=True):
    """A table that was moved to the trash.

    Attributes:
        job: The job that put it there.
    """

    id: str
    branch_id: str
    job: str


class UpdatedRow(Out, frozen=True, kw_only=True):
    """A row with the same key in two versions.

    Attributes:
        before: Its values in the older version.
        after: Its values in the newer version.
    """

    before: list[str | None]
    after: list[str | None]


class TableDiff(Out, frozen=True, kw_only=True):
    """The rows in which two versions of a table differ.

    Attributes:
        from_version: The older version.
        to_version: The newer version.
        columns: The columns of the rows: those of the newer version, then those that only the older has.
        counts: How many rows were inserted, deleted and updated.
        inserted: Rows that only the newer version has; of a table with a key, rows with new keys.
        deleted: Rows that only the older version has.
        updated: Rows with the same key and other values; empty if the table has no key.
        is_truncated: Whether there are more rows than were returned.
    """

    from_version: int
    to_version: int
    columns: list[TableColumn]
    counts: dict[str, int]
    inserted: list[list[str | None]]
    deleted: list[list[str | None]]
    updated: list[UpdatedRow] = []
    is_truncated: bool = False
