"""Partition: one job is split into chunks, which run as jobs, and their outputs are merged."""

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
        component: The component; by default one of the daemon.
        tag: The tag of that component.
        parameters: Its parameters.
    """

    component: ComponentId | None = None
    tag: Tag | None = None
    parameters: dict[str, Any] = {}


class Partition(In, frozen=True, kw_only=True):
    """How a job is split into chunks and merged.

    Attributes:
        input: The file below in/ to split; by default the first mapped table, else the first file.
        chunk_rows: The maximum number of records of a chunk.
        chunk_bytes: A chunk ends after the record that makes it this large, in bytes.
        chunks: The maximum number of chunks, of about the same size.
        splitter: The component that splits; by default `lockside.splitter`.
        assembler: The component that merges; by default `lockside.assembler`.
        on_chunk_error: Whether a failed chunk fails the job, or the other chunks are merged.
    """

    input: Annotated[str, Meta(min_length=1, max_length=1024)] | None = None
    chunk_rows: Number | None = None
    chunk_bytes: Number | None = None
    chunks: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    splitter: PartComponent = PartComponent()
    assembler: PartComponent = PartComponent()
    on_chunk_error: OnChunkError = OnChunkError.FAIL

    def check(self) -> None:
        """Raises FieldError for a file outside in/, and for a missing or second size."""
        if self.input is not None and (self.input.startswith("/") or ".." in self.input.split("/")):
            raise FieldError("It must be a file's path below in/", "input")
        given = [name for name in SIZES if getattr(self, name) is not None]
        if len(given) > 1 or (not given and self.splitter.component in (None, SPLITTER)):
            raise FieldError("Give one of `chunkRows`, `chunkBytes` and `chunks`", "chunkRows")
