"""Partition: one job is cut into chunks, which run as jobs of their own and are put together again."""

from typing import Annotated, Any, Final

from msgspec import Meta

from lockside.documents.base import ComponentId, FieldError, In, Tag
from lockside.documents.enums import OnChunkError

SPLITTER, ASSEMBLER = "lockside.splitter", "lockside.assembler"
Number = Annotated[int, Meta(ge=1, le=2**53)]
SIZES: Final = ("chunk_rows", "chunk_bytes", "chunks")


class PartComponent(In, frozen=True, kw_only=True):
    """The component that splits or assembles.

    Attributes:
        component: The component; without one it is one of the daemon's own.
        tag: The tag of that component.
        parameters: Its parameters.
    """

    component: ComponentId | None = None
    tag: Tag | None = None
    parameters: dict[str, Any] = {}


class Partition(In, frozen=True, kw_only=True):
    """How a job is cut into chunks and put together again.

    Attributes:
        input: The file below in/ that is cut; without one the first mapped table, else the first file.
        chunk_rows: How many records a chunk has at most.
        chunk_bytes: How large a chunk is before it ends with its last record, in bytes.
        chunks: How many chunks are made at most, of about the same size.
        splitter: The component that cuts; without one `lockside.splitter`.
        assembler: The component that puts together; without one `lockside.assembler`.
        on_chunk_error: Whether a chunk that failed fails the job, or the others are put together.
    """

    input: Annotated[str, Meta(min_length=1, max_length=1024)] | None = None
    chunk_rows: Number | None = None
    chunk_bytes: Number | None = None
    chunks: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    splitter: PartComponent = PartComponent()
    assembler: PartComponent = PartComponent()
    on_chunk_error: OnChunkError = OnChunkError.FAIL

    def check(self) -> None:
        """Raises FieldError for a file elsewhere, and for sizes that are not one where one is needed."""
        if self.input is not None and (self.input.startswith("/") or ".." in self.input.split("/")):
            raise FieldError("It must be a file's path below in/", "input")
        given = [name for name in SIZES if getattr(self, name) is not None]
        if len(given) > 1 or (not given and self.splitter.component in (None, SPLITTER)):
            raise FieldError("Give one of `chunkRows`, `chunkBytes` and `chunks`", "chunkRows")
