# ruff: noqa: RUF012 - msgspec copies empty defaults, one for each object
"""The methods of stored files."""

from lockside.documents.base import BranchId, FieldError
from lockside.documents.file_query import BadQuery, read_query
from lockside.documents.storage_jobs import DataPath, StorageJob
from lockside.documents.stored_files import FileId, FileName, FileQuery, FileTags, InputFile, OutputFile
from lockside.protocol.declaration import ListParams, Mutation, Params, method
from lockside.protocol.errors import ErrorKind
from lockside.protocol.methods.jobs import JobFields
from lockside.protocol.types.jobs import Job
from lockside.protocol.types.stored_files import File, FileDeleted, Files
from lockside.protocol.words import Role

MISSING = [ErrorKind.NOT_FOUND, ErrorKind.DISABLED]


@method(
    "storage.file.put",
    Role.OPERATOR,
    answers=Job,
    refuses=MISSING,
    example={"path": "/data/orders.csv", "tags": ["orders"]},
)
class FilePut(Mutation, frozen=True, kw_only=True):
    """Store a file; the answer is the job that does it, and reads the file as the caller.

    Attributes:
        path: The file.
        name: Its name; that of the path when left out.
    """

    same_as = (OutputFile, StorageJob)

    path: DataPath
    name: FileName | None = None
    tags: FileTags = []
    is_permanent: bool = False
    branch_id: BranchId = "default"
    fields: JobFields | None = None


@method("storage.file.get", Role.VIEWER, answers=File, refuses=MISSING, example={"id": "17"})
class FileGet(Params, frozen=True, kw_only=True):
    """Return a stored file, and where it is.

    Attributes:
        id: The file's id.
    """

    id: FileId
    branch_id: BranchId = "default"


@method("storage.file.list", Role.VIEWER, answers=Files, refuses=[ErrorKind.NOT_FOUND, ErrorKind.DISABLED])
class FileList(ListParams, frozen=True, kw_only=True):
    """List stored files, the newest first."""

    same_as = (InputFile,)

    branch_id: BranchId = "default"
    tags: FileTags = []
    query: FileQuery | None = None

    def check(self) -> None:
        """Raises FieldError for a query that cannot be read."""
        try:
            read_query(self.query or "x")
        except BadQuery as problem:
            raise FieldError(str(problem), "query") from None


class FileChange(Mutation, frozen=True, kw_only=True):
    """A stored file to change.

    Attributes:
        id: The file's id.
    """

    id: FileId
    branch_id: BranchId = "default"


@method("storage.file.delete", Role.OPERATOR, answers=FileDeleted, refuses=MISSING, example={"id": "17"})
class FileDelete(FileChange, frozen=True, kw_only=True):
    """Delete a stored file."""


@method(
    "storage.file.tag",
    Role.OPERATOR,
    answers=File,
    refuses=MISSING,
    example={"id": "17", "add": ["checked"]},
)
class FileTag(FileChange, frozen=True, kw_only=True):
    """Change the tags of a stored file.

    Attributes:
        add: Tags that it gets.
        remove: Tags that it has no more.
    """

    add: FileTags = []
    remove: FileTags = []
