"""Stored files: their locations, and what mappings, orders and results of steps say about them. Pure.

The result comes from a process of the job's account: `read_stored` checks it as a request is checked.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta

from lockside.documents.reading import from_store
from lockside.documents.stored_files import FileTag, InputFile, OutputFile
from locksided.tables.mapping import mapping_objects

MOST_NAME_BYTES = 230
MOST_TAGS = 200
FOLDER = ".files"


class FileOrder(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A stored file for a step that reads it. `entry` is the index of its entry in the mapping."""

    id: int
    name: str
    path: str
    """Relative to the root of the lake."""
    entry: int = 0
    created: str = ""
    tags: list[str] = []
    size_bytes: int = 0
    sha256: str = ""
    is_public: bool = False
    is_encrypted: bool = False
    max_age_days: int | None = None


class Stored(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A file that a step stored. `place` is its row's folder, relative to the job's; empty for others."""

    id: int
    name: Annotated[str, Meta(min_length=1, max_length=255)]
    source: Annotated[str, Meta(max_length=255)] = ""
    place: Annotated[str, Meta(pattern=r"^(|data|rows/[A-Za-z0-9][A-Za-z0-9._-]*)$")] = ""
    size_bytes: Annotated[int, Meta(ge=0, le=2**53 - 1)]
    sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    tags: Annotated[list[FileTag], Meta(max_length=MOST_TAGS)] = []
    is_public: bool = False
    is_permanent: bool = False
    is_encrypted: bool = False
    notify: bool = False


class BadFiles(Exception):
    """A step's result about files is invalid; the message says why."""


class FilesOf(NamedTuple):
    """The files of an account in a branch."""

    project: str
    branch: str
    uid: int

    @property
    def folder(self) -> str:
        """Their folder, relative to the root of the lake."""
        return f"{self.project}/{self.branch}/{FOLDER}/{self.uid}"


def file_name(file_id: int, name: str) -> str:
    """Return a file's name on disk and in in/files: its id and name, cut to what file systems accept."""
    cut = name.encode("utf-8", "replace")[:MOST_NAME_BYTES].decode("utf-8", "ignore")
    return f"{file_id}_{cut.replace('/', '_')}"


def place_of(file_id: int, name: str) -> str:
    """Return the path of a file in its account's folder."""
    return f"{file_id // 1000}/{file_name(file_id, name)}"


def input_files(configuration: Mapping[str, Any]) -> list[InputFile]:
    """Return `storage.input.files`."""
    return [from_store(one, InputFile) for one in mapping_objects(configuration, "input", "files")]


def output_files(output: Mapping[str, Any]) -> list[OutputFile]:
    """Return `storage.output.files`."""
    given = output.get("files")
    found = given if isinstance(given, list) else []
    return [from_store(one, OutputFile) for one in found if isinstance(one, Mapping)]


def read_stored(document: Any, reserved: Collection[int]) -> Sequence[Stored]:
    """Return the files in a step's result, all with numbers given to its job. Raises BadFiles."""
    try:
        files: list[Stored] = msgspec.convert(document, Annotated[list[Stored], Meta(max_length=100_000)])
    except msgspec.ValidationError as problem:
        raise BadFiles(f"Its files are not as they must be: {problem}.") from None
    numbers = [one.id for one in files]
    if len(set(numbers)) < len(numbers) or not set(numbers) <= set(reserved):
        raise BadFiles("It has files under numbers that it was not given.")
    return files
