"""What orders tell a storage step about tables, and what its result says about its commits.

The result comes from a process of the job's account: `read_commits` checks it as a request is checked.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from locksided.core.table_locks import SERIALS_EACH
from locksided.tables.names import STAGED_NAME, clean_column

MOST_TABLES = 1000
ADOPT = "ADOPT"
"""The operation of a commit whose versions are already in the log."""
RESTORE = "RESTORE"
"""The operation of a commit that restores an earlier version, perhaps over versions of another program."""
DROP = "DROP"
"""The operation of a commit that moves its table to the trash; nothing is staged for it."""
Count = Annotated[int, Meta(ge=0, le=2**53 - 1)]


class Column(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A column: `type` is a base type, `length` that of a NUMERIC as `p,s`."""

    name: Annotated[str, Meta(min_length=1, max_length=255)]
    type: str = "STRING"
    length: str | None = None
    nullable: bool = True
    description: str | None = None


def column_named(columns: Iterable[Column], text: str) -> Column | None:
    """Return the column with this name; the name is cleaned as column names are."""
    name = clean_column(text)
    return next((column for column in columns if column.name == name), None)


class Definition(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The definition of a table: its columns without `_timestamp`, and its primary key."""

    columns: Annotated[list[Column], Meta(max_length=1600)]
    primary_key: list[str] = []
    description: str | None = None
    uuid: str = ""


class TableOrder(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The state of a table for a step. `folder` is below the lake's root; `version` is None for a new table.

    `access` is the access of others than the bucket's owner. `begins` is the table of the default branch that
    a new table of another branch starts as. `oldest` is the oldest version whose files are kept, `newest` the
    head, if a version was requested. `pinned` is the version at the start of the job, if the job reads it or
    asked for it; `head_job` created the version. `staged` has the names of the commits up to `version` that
    may not be published yet.
    """

    id: str
    key: str
    folder: str
    serial: int = 0
    version: int | None = None
    oldest: int = 0
    newest: int | None = None
    branch: str = ""
    access: str = "private"
    begins: "TableOrder | None" = None
    pinned: int | None = None
    head_job: str | None = None
    staged: dict[int, str] = {}
    definition: Definition | None = None
    rows_count: int = 0
    created_us: int = 0
    imported_us: int = 0
    changed_us: int = 0


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """A file or folder in out/tables; `place` is its row's folder, relative to the job's."""

    place: Annotated[str, Meta(pattern=r"^(data|rows/[A-Za-z0-9][A-Za-z0-9._-]*)$")]
    name: Annotated[str, Meta(pattern=r"^(?!\.\.?$)[^/\x00]+$")]


class Metadatum(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A piece of metadata; `column` is empty for the table itself. A job cannot say who provides it."""

    key: Annotated[str, Meta(min_length=1, max_length=255)]
    value: Annotated[str, Meta(max_length=65_536)] = ""
    column: Annotated[str, Meta(max_length=255)] = ""


class Adopted(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A version unknown to the database; another program created it unless it `is_ours`."""

    version: Annotated[int, Meta(ge=0, le=2**53 - 1)]
    time_us: Count
    operation: Annotated[str, Meta(max_length=64)]
    rows_count: Count
    is_ours: bool = False


class Commit(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The change of a table by a load. `staged` is empty if nothing changed.

    `version` is the new version, or the unchanged one. `counts` has `rowsInserted` etc. `sources` are the
    stored files, which are not kept in out/. `metadata` is what the load provides for the table. `adopted`
    are versions above the head that others published; the new version follows them.
    """

    key: str
    version: Annotated[int, Meta(ge=0, le=2**53 - 1)]
    staged: str = ""
    operation: Annotated[str, Meta(max_length=64)] = "WRITE"
    definition: Definition
    rows_count: Count
    size_bytes: Count
    time_us: Count
    counts: dict[str, Count] = {}
    sources: Annotated[list[Source], Meta(max_length=10_000)] = []
    metadata: Annotated[list[Metadatum], Meta(max_length=10_000)] = []
    adopted: Annotated[list[Adopted], Meta(max_length=100_000)] = []


class BadCommits(Exception):
    """A step's commits are invalid; the message says why."""


def read_commits(document: Any, claimed: Mapping[str, TableOrder]) -> Sequence[tuple[Commit, int]]:
    """Return the commits in a step's result with their serials. Raises BadCommits.

    Each must be of a table that the job holds, and follow the previous one.
    """
    try:
        commits: list[Commit] = msgspec.convert(
            document, Annotated[list[Commit], Meta(max_length=MOST_TABLES * SERIALS_EACH)]
        )
    except msgspec.ValidationError as problem:
        raise BadCommits(f"Its commits are not as they must be: {problem}.") from None
    seen: Counter[str] = Counter()
    found = []
    for commit in commits:
        table = claimed.get(commit.key)
        number = seen[commit.key]
        if table is None or number == SERIALS_EACH or (number and not commit.staged):
            raise BadCommits(f"It has a commit of {commit.key!r}, which was not ordered, or not so often.")
        seen[commit.key] += 1
        head = (-1 if table.version is None else table.version) + number
        if commit.adopted and commit.operation not in (ADOPT, RESTORE):
            raise BadCommits(f"Its commit of {table.id!r} has versions of another program.")
        if table.version is None and commit.adopted:
            head = commit.adopted[0].version - 1  # the log no longer begins with version 0
        new = len(commit.adopted) + bool(commit.staged)
        follows = [head + place for place in range(1, len(commit.adopted) + 1)]
        if commit.version != head + new or [one.version for one in commit.adopted] != follows:
            raise BadCommits(f"Its commit of {table.id!r} does not follow version {head}.")
        if commit.staged and not STAGED_NAME.fullmatch(commit.staged):
            raise BadCommits(f"Its commit of {table.id!r} has an invalid name of a staged commit.")
        if commit.staged and int(commit.staged[:20]) != commit.version:
            raise BadCommits(f"Its commit of {table.id!r} is staged as another version.")
        found.append((commit, table.serial + number))
    return found
