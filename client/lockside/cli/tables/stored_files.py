"""The commands about stored files."""

from __future__ import annotations

from lockside.cli.grammar import Argument, Command, Option
from lockside.cli.tables.shared import TELL
from lockside.cli.tables.storage import DETACH, IN_BRANCH

_FILE = Argument("FILE", "a file's id", member="id")

STORED_FILES = (
    Command(
        "file ls",
        "lockside.cli.storage.files:ls",
        "list stored files, the newest first",
        "lockside file ls --tag orders",
        "lockside file ls --query 'name:orders* AND NOT tags:checked'",
        Option("--tag", "only files with this tag (repeat for more)", "TAG", many=True, member="tags"),
        Option("--query", "only files that match this query", "QUERY", member="query"),
        Option("-n --limit", "how many (default 20)", "N", "count", member="limit"),
        IN_BRANCH,
    ),
    Command(
        "file put",
        "lockside.cli.storage.files:put",
        "store a file",
        "lockside file put orders.csv --tag orders",
        Argument("PATH", "the file"),
        Option("--name", "its name (default: that of the path)", "NAME", member="name"),
        Option("--tag", "a tag (repeat for more)", "TAG", many=True, member="tags"),
        Option("--permanent", "do not remove it after [storage] file_days", member="isPermanent"),
        DETACH,
        IN_BRANCH,
    ),
    Command(
        "file get",
        "lockside.cli.storage.files:get",
        "copy a stored file",
        ("lockside file get 17 orders.csv", "an existing file is not replaced"),
        _FILE,
        Argument("PATH", "the path to write (default: its name)", "?"),
        IN_BRANCH,
    ),
    Command(
        "file tag",
        "lockside.cli.storage.files:tag",
        "add tags to a stored file, or remove them",
        "lockside file tag 17 checked --remove new",
        _FILE,
        Argument("TAG", "a tag to add", "*", member="add"),
        Option("--remove", "a tag to remove (repeat for more)", "TAG", many=True, member="remove"),
        IN_BRANCH,
    ),
    Command(
        "file rm",
        TELL,
        "delete a stored file",
        "lockside file rm 17",
        _FILE,
        IN_BRANCH,
        method="storage.file.delete",
        says="file {id} is deleted",
    ),
)
