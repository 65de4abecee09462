"""The method `storage.preview`: the start of a table or a job's output, read by a process of the caller."""

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

import msgspec

from lockside.protocol.methods import storage as p
from lockside.protocol.types import storage as t
from locksided.api.job_reads import job_row
from locksided.api.storage import TableMethods, refuse_unwritten
from locksided.api.storage_actions import run_storage_action
from locksided.core.errors import NotFound
from locksided.runs.table_orders import found_order
from locksided.server.calls import Call
from locksided.server.handlers import handler
from locksided.store.catalog.keys import DEFAULT
from locksided.store.stored_files import FileFilter, find


class PreviewMethods(TableMethods):
    """`storage.preview`."""

    @handler
    async def preview(self, call: Call, params: p.PreviewGet) -> t.Preview:
        """Return the first rows of a table, or the beginning of an output of a job."""
        self._tables.check_enabled()
        if params.table is not None:
            return await self._of_table(call, params, params.table, params.version)
        output = await self._output(params)
        if output.get("stored") and "version" in output:
            branch = msgspec.structs.replace(params, branch_id=output["branchId"])
            return await self._of_table(call, branch, output["id"], output["version"])
        answer = await run_storage_action(self._service, call, "look_at_file", {"path": output["path"]})
        return t.Preview(**answer)

    async def _of_table(self, call: Call, params: p.PreviewGet, table: str, version: int | None) -> t.Preview:
        found = await self._tables.table(params.project, params.branch_id, table, "$.table")
        if params.time is not None or (params.job is not None and params.table is not None):
            version = await self._tables.version_of(found.row, params)
        if version is not None:
            refuse_unwritten(found.row, version)
        entry = {
            "source": table,
            "columns": params.columns,
            "where_column": params.where_column,
            "where_values": params.where_values,
            "where_operator": params.where_operator,
            "changed_since": params.changed_since,
            "limit": params.limit,
        }
        order = self._service.runs.storage.preview_order(found_order(found, version), entry)
        return t.Preview(**await run_storage_action(self._service, call, "preview", order))

    async def _output(self, params: p.PreviewGet) -> Mapping[str, Any]:
        """Return an output of a job, with the `path` of a file. Raises NotFound."""
        row = await job_row(self._service, self._service.job_id(params.job or "", "$.job"), "$.job")
        output = (row.result or {}).get("output", {})
        listed = [*output.get("tables", ()), *output.get("files", ())]
        found = next((one for one in listed if one.get("name") == params.name), None)
        if found is None:
            raise NotFound(f"Job {row.id} has no output {params.name!r}.", path="$.name")
        if found.get("stored") and "version" in found:
            return {**found, "branchId": row.branch_id}
        path = found.get("path")
        if found.get("stored"):
            wanted = FileFilter(params.project, row.branch_id or DEFAULT, ids=[int(found["id"])])
            stored = await self._service.store.read(lambda connection: find(connection, wanted, 1))
            path = str(self._service.runs.storage.root / stored[0].path) if stored else None
        elif path is not None:
            inside = PurePath(str(path))
            is_inside = not inside.is_absolute() and ".." not in inside.parts
            work_path = self._service.runs.loader.places.work_path(row.id)
            path = f"{work_path}/{inside}" if is_inside else None
        if path is None:
            raise NotFound(f"Output {params.name!r} of job {row.id} is no longer kept.", path="$.name")
        return {**found, "path": path}
