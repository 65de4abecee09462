"""The part of a storage mapping that is about stored files. Names are Keboola's, in snake case."""

from typing import Annotated, Literal

from msgspec import Meta

from lockside.documents.base import NO_NUL_PATTERN, NUMBER_PATTERN, Document, FieldError
from lockside.documents.file_query import BadQuery, read_query
from lockside.documents.times import ADAPTIVE, is_moment

FILE_NAME_PATTERN = r"^(?!\.\.?$)[^/\x00]+$(?!\n)"

FileName = Annotated[str, Meta(min_length=1, max_length=255, pattern=FILE_NAME_PATTERN)]
FileTag = Annotated[str, Meta(min_length=1, max_length=255, pattern=NO_NUL_PATTERN)]
FileId = Annotated[str, Meta(pattern=NUMBER_PATTERN, examples=["17"])]
FileQuery = Annotated[str, Meta(min_length=1, max_length=4096)]
FileTags = Annotated[list[FileTag], Meta(max_length=100)]
DEFAULT_LIMIT = 10


class MappedFiles(Document, frozen=True, kw_only=True, rename="lower"):
    """A part of a storage mapping."""


class SourceTag(MappedFiles, frozen=True, kw_only=True):
    """A tag that files have, or do not have.

    Attributes:
        name: The tag.
        match: `include` for files with it, `exclude` for files without it.
    """

    name: FileTag
    match: Literal["include", "exclude"] = "include"


class FileSource(MappedFiles, frozen=True, kw_only=True):
    """Which files to read.

    Attributes:
        tags: Their tags.
    """

    tags: Annotated[list[SourceTag], Meta(max_length=100)] = []


class InputFile(MappedFiles, frozen=True, kw_only=True):
    """Stored files that a job reads, the newest first.

    Attributes:
        tags: Files that have all these tags.
        source: The same, but tags can also be excluded.
        query: Files that match this query, as in `tags:crm AND name:orders*`.
        file_ids: These files.
        limit: The maximum number of files.
        changed_since: Only files that were stored at this time or later, or `adaptive`.
        processed_tags: Tags that the files get if the job succeeds.
        overwrite: Accepted without effect; false is refused.
    """

    tags: FileTags = []
    source: FileSource = FileSource()
    query: FileQuery | None = None
    file_ids: Annotated[list[FileId | int], Meta(max_length=1000)] = []
    limit: Annotated[int, Meta(ge=1, le=1000)] | None = None
    changed_since: str | None = None
    processed_tags: FileTags = []
    overwrite: bool = True

    def check(self) -> None:
        """Raises FieldError for members that contradict each other."""
        if not (self.tags or self.source.tags or self.query or self.file_ids):
            raise FieldError('Name the files by "tags", "source.tags", "query" or "file_ids"', "tags")
        if self.tags and self.source.tags:
            raise FieldError('"tags" and "source.tags" exclude each other', "tags")
        if self.query and self.changed_since:
            raise FieldError('"query" and "changed_since" exclude each other', "changed_since")
        others = (self.tags, self.source.tags, self.query, self.limit, self.changed_since)
        if self.file_ids and any(others):
            raise FieldError('"file_ids" goes with "overwrite" and "processed_tags" only', "file_ids")
        if not self.overwrite:
            raise FieldError("A job begins with an empty folder: nothing is overwritten", "overwrite")
        if self.changed_since not in (None, ADAPTIVE) and not is_moment(self.changed_since):
            raise FieldError('It must be a time, a text such as "-2 days", or "adaptive"', "changed_since")
        try:
            read_query(self.query or "x")
        except BadQuery as problem:
            raise FieldError(str(problem), "query") from None

    @property
    def included(self) -> list[str]:
        """The tags that files must have."""
        return self.tags or [tag.name for tag in self.source.tags if tag.match == "include"]

    @property
    def excluded(self) -> list[str]:
        """The tags that files must not have."""
        return [tag.name for tag in self.source.tags if tag.match == "exclude"]


class OutputFile(MappedFiles, frozen=True, kw_only=True):
    """How a file in out/files is stored; a manifest has the same members except the source.

    Attributes:
        source: The file's name.
        tags: Its tags.
        is_public: Kept without effect.
        is_permanent: Whether it is kept for longer than `[storage] file_days`.
        is_encrypted: Kept without effect.
        notify: Kept without effect.
    """

    source: FileName
    tags: FileTags = []
    is_public: bool = False
    is_permanent: bool = False
    is_encrypted: bool = False
    notify: bool = False
