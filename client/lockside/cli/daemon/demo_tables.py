"""The demo's last chapter where tables are kept: what the steps handed on is looked at and queried."""

from __future__ import annotations

from collections.abc import Callable

from lockside.cli.commands import COMMANDS, GLOBAL_OPTIONS
from lockside.cli.grammar import Parsed, parse
from lockside.cli.session import Json, Session
from lockside.cli.storage import tables
from lockside.cli.storage.sql import sql
from lockside.cli.storage.undo import undo
from lockside.errors import LocksideError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lockside.cli.files.folder import Folder

AIRPORTS, COUNTRIES = "in.c-airports.airports", "out.c-airports.countries"
_COLUMNS = "country, airports, with_iata, highest, highest_ft"
QUERY = f'SELECT {_COLUMNS} FROM "{COUNTRIES}" ORDER BY airports DESC LIMIT 5'  # noqa: S608 - a constant


def has_tables(session: Session) -> bool:
    """Return whether tables are enabled in the daemon."""
    found: Json = session.call("storage.status")
    return bool(found["backend"] == "lake")


def without_tables(found: Folder) -> None:
    """Take the mappings out of the pipeline: its steps then hand files on in a folder."""
    for item in found.kinds["configs"].values():
        item.body["configuration"].pop("storage", None)


def show_tables(session: Session, loaded: str, typed: Callable[[str], None]) -> None:
    """Show how a table came to be, what is in it, and the answer to a query; `typed` shows each command.

    The job that was `loaded` last is undone before.
    """
    asked: list[tuple[Callable[[Session, Parsed], int], list[str]]] = [
        (undo, ["undo", loaded]),
        (tables.preview, ["table", "preview", COUNTRIES, "-n", "3"]),
        (tables.history, ["table", "history", AIRPORTS]),
        (sql, ["sql", QUERY]),
    ]
    for command, words in asked:
        typed(" ".join(f"'{word}'" if " " in word else word for word in words))
        if command(session, parse(COMMANDS, GLOBAL_OPTIONS, words)) != 0:
            raise LocksideError(f"`lockside {words[0]}` failed.")
