"""Rows of tables and stored files: heads, versions, and commits to be published."""

from typing import Any

import msgspec

from locksided.tables.names import TableId
from locksided.tables.stored_files import FilesOf, place_of


class TableRow(msgspec.Struct, frozen=True):
    """A table: `head` is its current version, `definition` its columns and primary key.

    `oldest` is the oldest version whose files are kept. `trouble` is why it is read-only: `kind`, `version`
    and `cause`.
    """

    number: int
    project: str
    branch_id: str
    id: str
    key: str
    head: int
    definition: dict[str, Any]
    rows_count: int
    size_bytes: int
    created_us: int
    imported_us: int
    changed_us: int
    oldest: int
    trouble: dict[str, Any] | None


class TableVersionRow(msgspec.Struct, frozen=True):
    """The result of one commit to a table."""

    number: int
    version: int
    serial: int
    time_us: int
    job_id: int | None
    operation: str
    details: dict[str, Any]
    rows_count: int
    staged: str
    sha256: str
    account: list[Any] | None
    published_us: int | None


class DroppedRow(msgspec.Struct, frozen=True):
    """A dropped table whose folder was not moved yet; `serial` is that of its head."""

    number: int
    project: str
    branch_id: str
    id: str
    serial: int
    account: list[Any] | None

    @property
    def table(self) -> TableId:
        """The table that was dropped."""
        return TableId(self.project, self.branch_id, self.id)

    @property
    def trash(self) -> str:
        """The name of its folder in the trash of its bucket, which is unique."""
        return f"{self.id.rpartition('.')[2]}.{self.serial}"


class UnpublishedRow(msgspec.Struct, frozen=True):
    """A commit that is not in its table's log yet; `account` publishes it, None for the daemon's own."""

    number: int
    project: str
    branch_id: str
    id: str
    version: int
    serial: int
    job_id: int | None
    staged: str
    sha256: str
    account: list[Any] | None
    details: dict[str, Any]


class FileRow(msgspec.Struct, frozen=True):
    """A stored file and its account; `name` is None for a number that no file uses yet.

    `details` say who stored it and what its manifest said. `expires_us` is None for a permanent file.
    """

    id: int
    project: str
    branch_id: str
    uid: int
    job_id: int | None
    name: str | None
    size_bytes: int
    sha256: str
    created_us: int
    expires_us: int | None
    deleted_us: int | None
    details: dict[str, Any]

    @property
    def path(self) -> str:
        """Its path below the root of the lake; a pattern if its name is not known."""
        folder = FilesOf(self.project, self.branch_id, self.uid).folder
        return f"{folder}/{place_of(self.id, '*' if self.name is None else self.name)}"
