"""What may be removed of tables and files, and who owns it; the order for the step that removes it."""

import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from locksided import clock, threads
from locksided.runs.inspection import Save
from locksided.runs.table_orders import found_order
from locksided.settings import StorageSettings
from locksided.store.store import Store
from locksided.store.stored_files import expire, forget, removable
from locksided.store.table_rows import FileRow
from locksided.store.vacuum import Keeping, claimed_keys, keys_of_project, known_trash, oldest_kept
from locksided.tables.names import TableId, is_bucket_id


class Vacuum:
    """Knows the retention settings of tables."""

    def __init__(self, store: Store, root: Path, settings: StorageSettings) -> None:
        self._store = store
        self._root = root
        self._settings = settings

    def keeping(self) -> Keeping:
        """Return what is kept of tables now."""
        now_us, kept = clock.now_us(), self._settings
        return Keeping(
            kept.keep_versions,
            now_us - int(kept.keep_days * clock.DAY_US),
            now_us - int(kept.trash_days * clock.DAY_US),
        )

    async def buckets_by_owner(self, project: str) -> Mapping[int, list[str]]:
        """Return the folders of a project's buckets, below the root, by the uid of their owner."""
        return await threads.run_sync(self._buckets_by_owner, project)

    async def owners_of_files(self, project: str) -> list[int]:
        """Return the accounts with files that can be removed."""
        return list(dict.fromkeys(row.uid for row in await self._removable(project)))

    async def forget_files(self, project: str, save: Save) -> None:
        """Delete expired files, and the records of removed ones."""
        await save(partial(expire, project=project, time_us=clock.now_us()))
        rows = await self._removable(project)
        gone = await threads.run_sync(lambda: [row.id for row in rows if not self._paths(row)])
        if gone:
            await save(partial(forget, ids=gone))

    async def _removable(self, project: str) -> list[FileRow]:
        before = self.keeping().trash_since_us
        return await self._store.read(partial(removable, project=project, before_us=before))

    def _paths(self, row: FileRow) -> list[str]:
        """Return a file's paths below the root; none if it was removed or never written."""
        folder, _, name = row.path.rpartition("/")
        if row.name is None:
            return [str(path.relative_to(self._root)) for path in (self._root / folder).glob(name)]
        return [row.path] if os.path.lexists(self._root / row.path) else []

    def _buckets_by_owner(self, project: str) -> Mapping[int, list[str]]:
        found: dict[int, list[str]] = {}
        for path in sorted((self._root / project).glob("*/*")):
            if is_bucket_id(path.name) and path.is_dir() and not path.is_symlink():
                found.setdefault(path.lstat().st_uid, []).append(str(path.relative_to(self._root)))
        return found

    async def order(self, project: str, uid: int, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Return the tables and buckets of an account that its step cleans.

        It claims no table, so tables that a live job writes are omitted: such a job may have begun before the
        versions to keep were recorded.
        """
        buckets = (await self.buckets_by_owner(project)).get(uid, [])
        asked = [TableId(project, one["branch"], one["id"]).key for one in parameters["tables"]]
        keys = asked or await self._store.read(partial(keys_of_project, project=project))
        claimed = await self._store.read(claimed_keys)
        found = await self._store.tables_by_key([key for key in keys if key not in claimed])
        mine = {
            key: found_order(one) for key, one in found.items() if _bucket(found_order(one).folder) in buckets
        }
        if parameters["dryRun"]:
            kept = await self._store.read(partial(oldest_kept, keys=list(mine), keeping=self.keeping()))
            mine |= {one.key: msgspec.structs.replace(mine[one.key], oldest=one.oldest) for one in kept}
        return {
            "tables": [
                msgspec.to_builtins(msgspec.structs.replace(one, definition=None)) for one in mine.values()
            ],
            "buckets": [] if asked else buckets,
            "files": [] if asked else await self._files_of(project, uid),
            "trash": await self._store.read(partial(known_trash, project=project)),
        }

    async def _files_of(self, project: str, uid: int) -> list[str]:
        rows = [row for row in await self._removable(project) if row.uid == uid]
        return await threads.run_sync(lambda: [path for row in rows for path in self._paths(row)])


def _bucket(folder: str) -> str:
    return folder.rpartition("/")[0]
