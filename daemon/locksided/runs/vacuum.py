"""What of tables may be removed, and whose buckets there are; the step that removes it is told here."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from locksided import clock, threads
from locksided.runs.table_orders import found_order
from locksided.settings import StorageSettings
from locksided.store.store import Store
from locksided.store.vacuum import Keeping, claimed_keys, keys_of_project, known_trash, oldest_kept
from locksided.tables.names import TableId, is_bucket_id


class Vacuum:
    """Knows the settings of what is kept."""

    def __init__(self, store: Store, root: Path, settings: StorageSettings) -> None:
        self._store = store
        self._root = root
        self._settings = settings

    def keeping(self) -> Keeping:
        """What is kept of tables now."""
        now_us, kept = clock.now_us(), self._settings
        return Keeping(
            kept.keep_versions,
            now_us - int(kept.keep_days * clock.DAY_US),
            now_us - int(kept.trash_days * clock.DAY_US),
        )

    async def buckets_by_owner(self, project: str) -> Mapping[int, list[str]]:
        """The folders of a project's buckets, below the root, by the uid that owns them."""
        return await threads.run_sync(self._buckets_by_owner, project)

    def _buckets_by_owner(self, project: str) -> Mapping[int, list[str]]:
        found: dict[int, list[str]] = {}
        for path in sorted((self._root / project).glob("*/*")):
            if is_bucket_id(path.name) and path.is_dir() and not path.is_symlink():
                found.setdefault(path.lstat().st_uid, []).append(str(path.relative_to(self._root)))
        return found

    async def order(self, project: str, uid: int, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """The tables and buckets of an account that its step cleans.

        It claims no table, so those that a live job writes are left out: such a job may have begun before it
        was noted what is not kept any more.
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
            "trash": await self._store.read(partial(known_trash, project=project)),
        }


def _bucket(folder: str) -> str:
    return folder.rpartition("/")[0]
