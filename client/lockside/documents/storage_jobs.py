"""The parameters of jobs of the built-in component `lockside.storage`: the operation and its tables."""

from typing import Annotated, Any, Literal

from msgspec import Meta

from lockside.documents.base import PATH_PATTERN, BranchId, Document, FieldError, Name, SystemId
from lockside.documents.storage import TableId
from lockside.documents.stored_files import FileName, FileTags

DataPath = Annotated[str, Meta(pattern=PATH_PATTERN, max_length=4096, examples=["/data/orders.csv"])]


SystemPath = Annotated[str, Meta(min_length=1, max_length=4096, examples=["/data/orders.csv"])]


def check_path(path: str, system: str | None) -> None:
    """Raises FieldError for a path that is not absolute, or that leaves its system."""
    if system is None and not path.startswith("/"):
        raise FieldError("It must be an absolute path, as in /data/orders.csv", "path")
    if "\0" in path or (system is not None and ".." in path.split("/")):
        raise FieldError(f"{path!r} must not leave its system", "path")


class WrittenTable(Document, frozen=True, kw_only=True):
    """A table that a job writes.

    Attributes:
        id: The table's id.
        branch: Its branch.
        version: The version whose content it gets.
        definition: Its columns and its primary key, for a new table.
    """

    id: TableId
    branch: BranchId = "default"
    version: int | None = None
    definition: dict[str, Any] = {}


class StorageJob(Document, frozen=True, kw_only=True):
    """What a job of `lockside.storage` does; its inputs are in its input mapping.

    Attributes:
        operation: The operation.
        tables: The tables that it writes.
        path: The file that is read or written.
        system: The system of the file; the path is below its root.
        format: The format of a file that is written.
        overwrite: Whether an existing file is replaced.
        trashed: The key of the table in the trash that is restored.
        over_foreign: Whether the new version may follow commits of another program.
        name: The name of a file that is stored.
        tags: Its tags.
        is_permanent: Whether it is kept until it is deleted explicitly.
    """

    operation: Name
    tables: Annotated[list[WrittenTable], Meta(max_length=1000)] = []
    path: SystemPath | None = None
    system: SystemId | None = None
    format: Literal["csv", "parquet"] = "csv"
    overwrite: bool = False
    over_foreign: bool = False
    trashed: Annotated[str, Meta(max_length=512)] | None = None
    name: FileName | None = None
    tags: FileTags = []
    is_permanent: bool = False

    def check(self) -> None:
        """Raises FieldError for a transfer without a path."""
        if self.operation in ("import", "export", "put_file") and self.path is None:
            raise FieldError(f"The operation {self.operation} needs a path", "path")
        if self.path is not None:
            check_path(self.path, self.system)
