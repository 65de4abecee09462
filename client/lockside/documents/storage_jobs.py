"""The parameters of jobs of the built-in component `lockside.storage`: what is done to which tables."""

from typing import Annotated, Any, Literal

from msgspec import Meta

from lockside.documents.base import PATH_PATTERN, BranchId, Document, FieldError, Name, SystemId
from lockside.documents.storage import TableId
from lockside.documents.stored_files import FileName, FileTags

DataPath = Annotated[str, Meta(pattern=PATH_PATTERN, max_length=4096, examples=["/data/orders.csv"])]


SystemPath = Annotated[str, Meta(min_length=1, max_length=4096, examples=["/data/orders.csv"])]


def check_path(path: str, system: str | None) -> None:
    """Raises FieldError for a path that is not whole, or that leaves its system."""
    if system is None and not path.startswith("/"):
        raise FieldError("It must be a whole path, as in /data/orders.csv", "path")
    if "\0" in path or (system is not None and ".." in path.split("/")):
        raise FieldError(f"{path!r} must not leave its system", "path")


class WrittenTable(Document, frozen=True, kw_only=True):
    """A table that a job writes.

    Attributes:
        id: The table's id.
        branch: Its branch.
        version: The version whose content it gets.
        definition: Its columns and its primary key, of one that is made.
    """

    id: TableId
    branch: BranchId = "default"
    version: int | None = None
    definition: dict[str, Any] = {}


class StorageJob(Document, frozen=True, kw_only=True):
    """What a job of `lockside.storage` does; what it reads is in its input mapping.

    Attributes:
        operation: What is done.
        tables: The tables that it writes.
        path: The file that is read or written.
        system: The system in which it is; the path is below its root.
        format: The form of a file that is written.
        overwrite: Whether a file that is there already is replaced.
        trashed: The table in the trash that is made again, by its key.
        over_foreign: Whether a version is put over what another program wrote.
        name: The name of a file that is stored.
        tags: Its tags.
        is_permanent: Whether it is kept until somebody deletes it.
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
        """Raises FieldError for a transfer without a file."""
        if self.operation in ("import", "export", "put_file") and self.path is None:
            raise FieldError(f"The operation {self.operation} needs a path", "path")
        if self.path is not None:
            check_path(self.path, self.system)
