"""The methods that change existing tables: each is a job of the component `lockside.storage`."""

from collections.abc import Mapping
from typing import Any

import msgspec

from lockside.documents.component import STORAGE
from lockside.documents.enums import CreatorType
from lockside.documents.request import JobRequest
from lockside.protocol.methods import table_changes as p
from locksided import threads
from locksided.api.deduplication import repeats_first
from locksided.api.job_drafts import Origin, draft
from locksided.api.paging import View
from locksided.api.service import Service
from locksided.api.storage_jobs import TableJobMethods
from locksided.api.vacuum import owner_of
from locksided.core.errors import Conflict
from locksided.core.model import Draft
from locksided.runs.storage_operations import ADOPT
from locksided.server.calls import Call
from locksided.server.handlers import handler
from locksided.store.troubles import troubled
from locksided.tables.names import TableId


class TableChangeMethods(TableJobMethods):
    """`storage.table.deleteRows`, `.setPrimaryKey`, `.alter`, `.adopt`."""

    @handler
    @repeats_first
    async def delete_rows(self, call: Call, params: p.TableDeleteRows) -> View:
        rules = {"delete_where": msgspec.to_builtins(params.delete_where)}
        return await self._job(call, params, "delete_rows", rules)

    @handler
    @repeats_first
    async def set_primary_key(self, call: Call, params: p.TableSetPrimaryKey) -> View:
        return await self._job(call, params, "set_primary_key", {"primaryKey": params.primary_key})

    @handler
    @repeats_first
    async def alter(self, call: Call, params: p.TableAlter) -> View:
        changes = {
            "addColumns": msgspec.to_builtins(params.add_columns),
            "dropColumns": params.drop_columns,
            "types": msgspec.to_builtins(params.types),
        }
        return await self._job(call, params, "alter", changes)

    @handler
    @repeats_first
    async def adopt(self, call: Call, params: p.TableAdopt) -> View:
        unknown = await self._unknown(params)
        if unknown is not None:
            return await self._jobs.made(call, params, adoption(unknown))
        found = await self._tables.table(params.project, params.branch_id, params.id, "$.id")
        troubles = await self._service.runs.storage.inspection.inspect([found.row.key])
        if troubles.get(found.row.id, {}).get("kind") != "foreign":
            raise Conflict(f"Nothing of another program is behind the head of {found.row.id}.", path="$.id")
        if found.staged:
            raise Conflict(
                f"Version {min(found.staged)} of {found.row.id} waits to be published in its place: move the "
                "other program's entries away.",
                path="$.id",
            )
        return await self._jobs.made(
            call, params, adoption(TableId(params.project, params.branch_id, found.row.id))
        )

    async def _unknown(self, params: p.TableAdopt) -> TableId | None:
        """Return the table if it is in the lake but not in the database. Raises Disabled."""
        self._tables.check_enabled()
        asked = TableId(params.project, params.branch_id, params.id)
        found = await self._service.runs.storage.inspection.unknown_tables(asked)
        return found[0].table if found else None

    async def _job(
        self, call: Call, params: p.TableChange, operation: str, changes: Mapping[str, Any]
    ) -> View:
        """Create a job that changes one table. Raises Disabled, and NotFound for a missing table."""
        row = (await self._tables.table(params.project, params.branch_id, params.id, "$.id")).row
        tables = [{"id": row.id, "branch": row.branch_id}]
        return await self._jobs.made(call, params, {"operation": operation, "tables": tables, **changes})


def adoption(table: TableId) -> Mapping[str, Any]:
    """Return the parameters of a job that adopts what a table's log has and the database does not."""
    return {"operation": ADOPT, "tables": [{"id": table.text, "branch": table.branch}]}


async def adoption_drafts(service: Service, project: str) -> list[Draft]:
    """Return the drafts of jobs that adopt what was written to this lake after the database's backup.

    Each is created for the owner of its bucket.
    """
    inspection = service.runs.storage.inspection
    ahead = {one.table: one.uid for one in await inspection.unknown_tables() if one.is_ours}
    owners = await service.runs.storage.vacuum.buckets_by_owner(project)
    uids = {bucket: uid for uid, buckets in owners.items() for bucket in buckets}
    for row in await service.store.read(troubled):
        table = TableId(row.project, row.branch_id, row.id)
        if (row.trouble or {}).get("isOurs") and table.bucket_folder in uids:
            ahead[table] = uids[table.bucket_folder]
    return [
        await draft(
            service,
            JobRequest(component=STORAGE, config_data={"parameters": dict(adoption(table))}),
            await threads.run_sync(owner_of, uid),
            project,
            Origin(CreatorType.DAEMON, is_ours=True),
        )
        for table, uid in ahead.items()
        if table.project == project
    ]
