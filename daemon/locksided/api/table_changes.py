"""The methods that change tables that are there: each is a job of the component `lockside.storage`."""

from collections.abc import Mapping
from typing import Any

import msgspec

from lockside.protocol.methods import table_changes as p
from locksided.api.deduplication import repeats_first
from locksided.api.paging import View
from locksided.api.storage_jobs import TableJobMethods
from locksided.core.errors import Conflict
from locksided.server.calls import Call
from locksided.server.handlers import handler


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
        return await self._job(call, params, "adopt", {})

    async def _job(
        self, call: Call, params: p.TableChange, operation: str, changes: Mapping[str, Any]
    ) -> View:
        """A job that changes one table. Raises Disabled, and NotFound for a table that is not there."""
        row = (await self._tables.table(params.project, params.branch_id, params.id, "$.id")).row
        tables = [{"id": row.id, "branch": row.branch_id}]
        return await self._jobs.made(call, params, {"operation": operation, "tables": tables, **changes})
