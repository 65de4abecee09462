"""Names of buckets, tables and columns, and the locations of a table's files. Pure."""

import re
import unicodedata
from dataclasses import dataclass

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,95}")
_BUCKET = re.compile(r"(in|out)\.(c-)?[A-Za-z0-9][A-Za-z0-9_-]{0,95}")
BUCKET_MODES = {"private": 0o700, "groupRead": 0o750, "groupWrite": 0o2770, "allRead": 0o755}
"""The modes of bucket folders, by who may use them besides their owners."""
TIMESTAMP = "_timestamp"
"""The last column of every table: when a load inserted or last changed the row."""


@dataclass(frozen=True, slots=True)
class TableId:
    """A table of one branch of one project; `text` is its id there, such as `in.c-shop.orders`."""

    project: str
    branch: str
    text: str

    @property
    def bucket(self) -> str:
        """The id of its bucket."""
        return self.text.rpartition(".")[0]

    @classmethod
    def parse(cls, path: str) -> "TableId":
        """Return the table of a path."""
        return cls(*path.split("/"))

    def in_branch(self, branch: str) -> "TableId":
        """Return the table with the same id in another branch."""
        return TableId(self.project, branch, self.text)

    @property
    def path(self) -> str:
        """Its name among the tables of all projects and branches."""
        return f"{self.project}/{self.branch}/{self.text}"

    @property
    def key(self) -> str:
        """The lower-case path: at most one table has it."""
        return self.path.lower()

    @property
    def bucket_folder(self) -> str:
        """The folder of its bucket, relative to the root of the lake."""
        return f"{self.project}/{self.branch}/{self.bucket}"

    @property
    def folder(self) -> str:
        """The folder of its files, relative to the root of the lake."""
        return f"{self.bucket_folder}/{self.text.rpartition('.')[2]}"


def table_id(path: str) -> str:
    """Return the table's id in a path."""
    return path.rpartition("/")[2]


def is_table_id(text: str) -> bool:
    """Return whether the text is a stage, a bucket and a name."""
    bucket, _, name = text.rpartition(".")
    return bool(_BUCKET.fullmatch(bucket) and NAME.fullmatch(name))


def is_bucket_id(text: str) -> bool:
    """Return whether the text is a stage and a bucket."""
    return _BUCKET.fullmatch(text) is not None


def clean_column(name: str) -> str:
    """Return a column's name as it is stored: ASCII letters, digits and `_`; empty if none is left."""
    text = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9_]+", "_", text).strip("_") if name != TIMESTAMP else name


def staged_name(version: int, mark: str) -> str:
    """Return the name of a staged commit in `_lockside/staged`."""
    return f"{version:020d}.{mark}.json"


STAGED_NAME = re.compile(r"[0-9]{20}\.[0-9a-f-]{36}\.json")


def entry_name(version: int) -> str:
    """Return the name of a published commit in `_delta_log`."""
    return f"{version:020d}.json"


def checkpoint_name(version: int) -> str:
    """Return the name of a version's checkpoint in `_delta_log`."""
    return f"{version:020d}.checkpoint.parquet"


def version_of_checkpoint(name: str) -> int | None:
    """Return the version of a checkpoint with this name; None for other names."""
    found = re.fullmatch(r"([0-9]{20})\.checkpoint\.parquet", name)
    return None if found is None else int(found[1])


def version_of_entry(name: str) -> int | None:
    """Return the version of a log entry with this name; None for other names."""
    found = re.fullmatch(r"([0-9]{20})\.json", name)
    return None if found is None else int(found[1])
