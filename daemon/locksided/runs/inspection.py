"""Compares the logs of tables with the database.

A foreign entry in its log makes a table `foreign`; a missing one makes it `damaged`. Both can be read at the
head as far as it exists, and not written.
"""

import glob
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from locksided import clock, threads
from locksided.core.errors import Invalid
from locksided.runs.as_account import Unusable, perform
from locksided.runs.safefs import NotPlain
from locksided.store.store import Store
from locksided.store.tables import FoundTable, tables_by_key
from locksided.store.trash import dropped
from locksided.store.troubles import all_keys, forget_pages, note_trouble
from locksided.tables.names import TableId, is_table_id

Save = Callable[..., Awaitable[Any]]
AT_ONCE = 100
REMEDY = {
    "foreign": "`lockside doctor --adopt TABLE` takes over what the other program wrote, `lockside table "
    "restore TABLE --version N` puts one of our versions over it.",
    "damaged": "Put back what is missing, from a backup of the tables.",
}


class UnknownTable(NamedTuple):
    """A table unknown to the database; `is_ours` if it was written after the database was backed up."""

    table: TableId
    version: int
    is_ours: bool
    uid: int


class Inspection:
    """Finds troubles and records them. `save` runs a function with a transaction."""

    def __init__(self, store: Store, root: Path, lake_id: str, save: Save) -> None:
        self._store = store
        self._lake_id = lake_id
        self._root = root
        self._save = save

    async def inspect_all(self) -> None:
        """Inspect every table."""
        keys = await self._store.read_patiently(all_keys)
        for start in range(0, len(keys), AT_ONCE):
            await self.inspect(keys[start : start + AT_ONCE])
        await self._store.read_patiently(forget_pages)

    async def unknown_tables(self, only: TableId | None = None) -> list[UnknownTable]:
        """Return the tables, all or one, with logs in the lake that the database does not know."""
        found = await threads.run_sync(self._with_logs, only)
        known = set(await self._store.read_patiently(all_keys))
        waiting = {row.table.folder for row in await self._store.read(dropped)}
        left = [one for one in map(_table_at, found) if one.key not in known and one.folder not in waiting]
        return await threads.run_sync(self._read_logs, left)

    def _with_logs(self, only: TableId | None) -> list[str]:
        """Return the paths of all logs below the root: for many tables, paths need the least memory."""
        places = "*/*/*/*" if only is None else glob.escape(only.folder)
        return glob.glob(f"{places}/_delta_log", root_dir=self._root)

    def _read_logs(self, tables: Sequence[TableId]) -> list[UnknownTable]:
        found = []
        for table in sorted(tables, key=lambda one: one.path):
            folder = self._root / table.folder
            with suppress(NotPlain, Unusable, OSError):
                newest = perform(str(folder), "read_log", {"lakeId": self._lake_id})
                if newest["version"] is not None and is_table_id(table.text):
                    uid = folder.parent.lstat().st_uid
                    found.append(UnknownTable(table, newest["version"], newest["isOurs"], uid))
        return found

    async def refuse_troubled(self, keys: Iterable[str]) -> None:
        """Raise Invalid for tables that cannot be written."""
        found = await self.inspect(keys)
        if found:
            troubles = (f'Table "{table}" is {one["kind"]}: {one["cause"]}' for table, one in found.items())
            kinds = dict.fromkeys(one["kind"] for one in found.values())
            raise Invalid(" ".join([*troubles, *(REMEDY[kind] for kind in kinds)]))

    async def inspect(self, keys: Iterable[str]) -> Mapping[str, Mapping[str, Any]]:
        """Return the troubles of these tables by their ids, and save changes. Raises OSError."""
        found = await self._tables(list(keys))
        troubles = await threads.run_sync(self._look, list(found.values()))
        suspects = [key for key, trouble in troubles.items() if trouble is not None]
        if suspects:  # a commit published between the two looks is no trouble
            found |= await self._tables(suspects)
            troubles |= await threads.run_sync(self._look, [found[key] for key in suspects])
        for key, trouble in troubles.items():
            row = found[key].row
            if trouble != row.trouble:
                await self._save(
                    partial(note_trouble, number=row.number, trouble=trouble, time_us=clock.now_us())
                )
        return {found[key].row.id: one for key, one in troubles.items() if one is not None}

    async def _tables(self, keys: list[str]) -> dict[str, FoundTable]:
        return await self._store.read_patiently(partial(tables_by_key, keys=keys))

    def _look(self, tables: list[FoundTable]) -> dict[str, dict[str, Any] | None]:
        return {table.row.key: self._trouble(table) for table in tables}

    def _trouble(self, found: FoundTable) -> dict[str, Any] | None:
        """Return what is wrong with a table; None for nothing. Only names and staged commits are examined."""
        row = found.row
        folder = str(self._root / TableId(row.project, row.branch_id, row.id).folder)
        staged = {str(version): [name, found.hashes[version]] for version, name in found.staged.items()}
        try:
            asked = {"head": row.head, "staged": staged, "lakeId": self._lake_id}
            return perform(folder, "inspect_log", asked)["trouble"] or None
        except (NotPlain, Unusable) as problem:
            return {"kind": "damaged", "version": row.head, "cause": f"{problem}"}


def _table_at(log: str) -> TableId:
    """Return the table of a log, given its path below the root."""
    project, branch, bucket, name, _ = log.split("/")
    return TableId(project, branch, f"{bucket}.{name}")
