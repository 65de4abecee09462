"""What a run may write, and what it has read."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from locksided.store.catalog.keys import DEFAULT
from locksided.store.input_states import InputState
from locksided.tables.names import TableId
from locksided.tables.orders import TableOrder


class TableRead(NamedTuple):
    """A table that a run reads, and its version."""

    table: TableId
    version: int

    @property
    def shown(self) -> dict[str, Any]:
        """How the log of a table that was made of it names it."""
        branch = {} if self.table.branch == DEFAULT else {"branchId": self.table.branch}
        return {"table": self.table.text, "version": self.version, **branch}


class Held(NamedTuple):
    """The tables that a run holds, by key, and the numbers that it was given for files."""

    tables: Mapping[str, TableOrder]
    numbers: Sequence[int] = ()


class Inputs(NamedTuple):
    """The tables that a run read, and up to where each of its rows read what is adaptive.

    `processed` are the tags that files get which it read, by their numbers.
    """

    tables: Sequence[TableRead] = ()
    states: Mapping[str | None, InputState] = MappingProxyType({})
    processed: Sequence[tuple[int, list[str]]] = ()


NO_INPUTS = Inputs()
