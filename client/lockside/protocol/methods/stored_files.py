"""The methods of stored files."""

from lockside.documents.base import BranchId, FieldError, ListPage, Out
from lockside.documents.file_query import BadQuery, read_query
from lockside.documents.storage_jobs import DataPath, StorageJob
from lockside.documents.stored_files import FileId, FileName, FileQuery, FileTags, InputFile, OutputFile
from lockside.protocol.declaration import ListParams, Mutation, Params, method
from lockside.protocol.errors import ErrorKind
from lockside.protocol.methods.jobs import JobFields
from lockside.protocol.types.jobs import Job
from lockside.protocol.words import Role


class File(Out, frozen=True, kw_only=True):
    """A stored file. Its content never changes; its tags may.

    Attributes:
        name: The name under which it was stored.
        tags: Its tags.
        size_bytes: Its size.
        checksum: `sha256:` and the hexadecimal digits.
        is_permanent: Whether it is kept until it is deleted explicitly.
        is_public: What its manifest said; without effect.
        is_encrypted: What its manifest said; without effect.
        created: When it was stored.
        expires: When it is deleted; null if it is permanent.
        job: The job that stored it.
        component: The component of that job.
        config: The configuration of that job.
        user: The owner of that job.
        path: Its path. The owner of that job can read it.
    """

    id: str
    name: str
    branch_id: str
    tags: list[str] = []
    size_bytes: int
    checksum: str
    is_permanent: bool
    is_public: bool
    is_encrypted: bool
    created: str
    expires: str | None
    job: str | None
    component: str | None
    config: str | None
    user: str | None
    path: str


class Files(ListPage, frozen=True, kw_only=True):
    """Stored files, the newest first.

    Attributes:
        files: The files.
    """

    files: list[File]


class FileDeleted(Out, frozen=True, kw_only=True):
    """A deleted file; it is removed after `[storage] trash_days`."""

    id: str


MISSING = [ErrorKind.NOT_FOUND, ErrorKind.DISABLED]


@method(
    "storage.file.put",
    Role.OPERATOR,
    answers=Job,
    refuses=MISSING,
    example={"path": "/data/orders.csv", "tags": ["orders"]},
)
class FilePut(Mutation, frozen=True, kw_only=True):
    """Store a file; the result is the job that does it, and reads the file as the caller.

    Attributes:
        path: The file.
        name: Its name; by default that of the path.
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
    """Return a stored file and its path.

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
        """Raises FieldError for an invalid query."""
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
        remove: Tags that it loses.
    """

    add: FileTags = []
    remove: FileTags = []
