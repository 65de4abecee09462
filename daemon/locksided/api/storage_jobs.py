"""The methods that change tables: each is a job of the built-in component `lockside.storage`."""

from collections.abc import Mapping
from typing import Any

from lockside.documents.component import STORAGE
from lockside.documents.request import JobRequest
from lockside.protocol.methods import storage as p
from locksided import clock
from locksided.api.deduplication import repeats_first
from locksided.api.job_creation import CreationMethods
from locksided.api.job_drafts import draft
from locksided.api.job_reads import View, marked
from locksided.api.service import HandlerGroup, Service
from locksided.api.storage import StorageMethods
from locksided.core.errors import NotFound
from locksided.server.calls import Call
from locksided.server.handlers import handler
from locksided.store.table_rows import TableVersionRow


class StorageJobMethods(HandlerGroup):
    """`storage.table.restore`."""

    def __init__(self, service: Service) -> None:
        super().__init__(service)
        self._tables = StorageMethods(service)
        self._jobs = CreationMethods(service)

    @handler
    @repeats_first
    async def restore(self, call: Call, params: p.TableRestore) -> View:
        """A job that gives a table the content of an earlier version."""
        found = await self._tables.table(params.project, params.branch_id, params.id, "$.id")
        version = await self._version(found.row.number, found.row.head, params)
        table = {"id": found.row.id, "branch": params.branch_id, "version": version}
        return await self.made(call, params, {"operation": "restore", "tables": [table]})

    async def made(self, call: Call, params: Any, parameters: Mapping[str, Any]) -> View:
        """Has a job made with these parameters; returns it."""
        request = JobRequest(component=STORAGE, config_data={"parameters": dict(parameters)})
        made = await draft(self._service, request, call.principal, params.project)
        (view,), answer = await self._jobs.submit(call, params, [made])
        return marked(view, answer)

    async def _version(self, number: int, head: int, params: p.TableRestore) -> int:
        """The version that is meant. Raises NotFound when there is none."""
        before = head + 1
        while rows := await self._service.store.table_history(number, before, 1000):
            for place, row in enumerate(rows):
                if _is_meant(row, params):
                    return row.version
                if params.before_job == str(row.job_id):
                    is_first = all(str(one.job_id) != params.before_job for one in rows[place + 1 :])
                    if is_first and row.version > 0:
                        return row.version - 1
            before = rows[-1].version
        raise NotFound(f"Table {params.id} has no such version.", path="$.version")


def _is_meant(row: TableVersionRow, params: p.TableRestore) -> bool:
    if params.time is not None:
        return row.time_us <= clock.from_text(params.time)
    return params.version is not None and row.version == params.version
