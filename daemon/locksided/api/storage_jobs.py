"""The methods that change tables: each is a job of the built-in component `lockside.storage`."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import msgspec

from lockside.documents.component import STORAGE
from lockside.documents.enums import Status
from lockside.documents.request import JobRequest
from lockside.documents.storage import InputTable, Output, OutputTable
from lockside.documents.table import TableSpec
from lockside.protocol.methods import storage as p
from lockside.protocol.methods import table_jobs as j
from lockside.protocol.types import storage as t
from locksided import clock
from locksided.actors.messages import Repeated
from locksided.api.deduplication import dedup_mark, job_reference, repeats_first
from locksided.api.job_creation import CreationMethods
from locksided.api.job_drafts import Origin, draft
from locksided.api.job_reads import answered_ids, marked
from locksided.api.paging import View
from locksided.api.rights import actor
from locksided.api.service import Service
from locksided.api.storage import TableMethods
from locksided.api.wait import until_final
from locksided.core import inputs as i
from locksided.core.errors import Conflict, Invalid, NotFound, Timeout
from locksided.core.transitions import FINAL
from locksided.server.calls import Call
from locksided.server.handlers import handler
from locksided.store.buckets import in_first_spelling
from locksided.store.table_metadata import save_metadata
from locksided.store.table_rows import TableRow, TableVersionRow
from locksided.store.trash import newest_dropped
from locksided.tables.metadata import DESCRIPTION, plain_text
from locksided.tables.names import TableId
from locksided.tables.orders import Metadatum

CREATION_SECONDS = 30


class StorageJobMethods(TableMethods):
    """The methods `storage.table.*` that return a job, and `storage.table.put`."""

    def __init__(self, service: Service) -> None:
        super().__init__(service)
        self._jobs = CreationMethods(service)

    @handler
    @repeats_first
    async def restore(self, call: Call, params: p.TableRestore) -> View:
        """Create a job that gives a table the content of an earlier version."""
        if params.from_trash:
            return await self._from_trash(call, params)
        found = await self._tables.table(params.project, params.branch_id, params.id, "$.id")
        version = await self._version(found.row.number, found.row.head, params)
        table = {"id": found.row.id, "branch": params.branch_id, "version": version}
        over = {"overForeign": True} if (found.row.trouble or {}).get("kind") == "foreign" else {}
        return await self.made(call, params, {"operation": "restore", "tables": [table], **over})

    async def _from_trash(self, call: Call, params: p.TableRestore) -> View:
        """Create a job that restores a dropped table. Raises Conflict if another table has its id."""
        self._tables.check_enabled()
        table = TableId(params.project, params.branch_id, params.id)
        await self._tables.require_branch(table.project, table.branch)
        await self._refuse_existing(table, "$.id")
        key = await self._service.store.read(partial(newest_dropped, table=table))
        if key is None:
            raise NotFound(f"Table {params.id} is not in the trash.", path="$.id")
        tables = [{"id": table.text, "branch": table.branch}]
        return await self.made(call, params, {"operation": "clone", "tables": tables, "trashed": key})

    async def _refuse_existing(self, table: TableId, path: str) -> None:
        """Raises Conflict when there is the table, or another bucket but for capitals."""
        if await self._service.store.tables_by_key([table.key]):
            raise Conflict(f"Table {table.text} exists already in branch {table.branch}.", path=path)
        (spelt,) = await self._service.store.read(partial(in_first_spelling, tables=[table]))
        if spelt != table:
            text = f"Table {table.text} would be in bucket {spelt.bucket}, which differs only in case."
            raise Conflict(text, path=path)

    @handler
    async def put(self, call: Call, params: j.TablePut) -> t.Table:
        """Create an empty table with a job, and wait for it; or update the texts of an existing one."""
        spec = params.table
        where = (params.project, params.branch_id, spec.id)
        try:
            row = (await self._tables.table(*where, "$.table.id")).row
        except NotFound:
            await self._create(call, params)
            row = (await self._tables.table(*where, "$.table.id")).row
        _refuse_other_structure(row, spec)
        save = partial(save_metadata, number=row.number, provider="user", items=_metadata_of(spec))
        await self._service.scheduler.ask(partial(save, time_us=clock.now_us()))
        return await self._tables.shown(row)

    async def _create(self, call: Call, params: j.TablePut) -> None:
        """Create the table. Raises Invalid and Timeout."""
        spec = params.table
        if not spec.columns:
            raise Invalid("A new table needs columns.", path="$.table.columns")
        await self._tables.require_branch(params.project, params.branch_id)
        await self._refuse_existing(TableId(params.project, params.branch_id, spec.id), "$.table.id")
        table = {"id": spec.id, "branch": params.branch_id, "definition": msgspec.to_builtins(spec)}
        await self._done(call, params, {"operation": "create", "tables": [table]})

    @handler
    async def delete(self, call: Call, params: j.TableDelete) -> t.TableDeleted:
        """Move a table to the trash with a job, and wait for it."""
        found = await self._tables.table(params.project, params.branch_id, params.id, "$.id")
        table = {"id": found.row.id, "branch": params.branch_id, "version": None}
        job_id = await self._done(call, params, {"operation": "restore", "tables": [table]})
        return t.TableDeleted(id=found.row.id, branch_id=params.branch_id, job=str(job_id))

    async def _done(self, call: Call, params: Any, parameters: Mapping[str, Any]) -> int:
        """Run a job with these parameters to its success. Raises Invalid with its message, and Timeout."""
        request = JobRequest(component=STORAGE, config_data={"parameters": dict(parameters)})
        made = await draft(self._service, request, call.principal, params.project, Origin(is_ours=True))
        answer = await self._service.scheduler.ask(
            i.Submit((made,), actor(call.principal)), once=dedup_mark(call, params, job_reference)
        )
        (job_id,) = answered_ids(answer) if isinstance(answer, Repeated) else answer
        row = await until_final(self._service, job_id, CREATION_SECONDS)
        if row.status not in FINAL:
            raise Timeout(f"Job {row.id} does it; it takes longer than {CREATION_SECONDS} seconds.")
        if row.status != Status.SUCCESS:
            raise Invalid(row.message or f"Job {row.id} ended as {row.status}.")
        return row.id

    @handler
    @repeats_first
    async def import_(self, call: Call, params: j.TableImport) -> View:
        """Create a job that loads a file into a table."""
        await self._tables.require_branch(params.project, params.branch_id)
        source = params.path.rstrip("/").rpartition("/")[2]
        entry = {"source": source, "destination": params.id, **_given(params, OutputTable)}
        table = {"id": params.id, "branch": params.branch_id}
        parameters = {"operation": "import", "tables": [table], "path": params.path}
        output = {"tables": [entry], **_given(params, Output)}
        return await self.made(call, params, parameters, {"output": output}, params.branch_id)

    @handler
    @repeats_first
    async def export(self, call: Call, params: j.TableExport) -> View:
        """Create a job that writes a table to a file."""
        found = await self._tables.table(params.project, params.branch_id, params.id, "$.id")
        entry = {
            **_given(params, InputTable),
            **_source(found.row, params.version),
            "file_type": params.format,
        }
        parameters = {
            "operation": "export",
            "path": params.path,
            "format": params.format,
            "overwrite": params.overwrite,
            **({} if params.system is None else {"system": params.system}),
        }
        return await self.made(call, params, parameters, {"input": {"tables": [entry]}})

    @handler
    @repeats_first
    async def clone(self, call: Call, params: j.TableClone) -> View:
        """Create a job that makes a table with the content of another."""
        found = await self._tables.table(params.project, params.branch_id, params.id, "$.id")
        made = TableId(params.project, params.to_branch_id or params.branch_id, params.to_id or params.id)
        await self._tables.require_branch(made.project, made.branch, "$.toBranchId")
        await self._refuse_existing(made, "$.toId")
        parameters = {"operation": "clone", "tables": [{"id": made.text, "branch": made.branch}]}
        storage = {"input": {"tables": [_source(found.row, params.version)]}}
        return await self.made(call, params, parameters, storage)

    async def made(
        self,
        call: Call,
        params: Any,
        parameters: Mapping[str, Any],
        storage: Mapping[str, Any] | None = None,
        branch: str | None = None,
    ) -> View:
        """Create a job with these parameters and this mapping; returns it."""
        body = {"parameters": dict(parameters), **({} if storage is None else {"storage": dict(storage)})}
        request = JobRequest(component=STORAGE, config_data=body, branch_id=branch)
        made = await draft(self._service, request, call.principal, params.project, Origin(is_ours=True))
        (view,), answer = await self._jobs.submit(call, params, [made])
        return marked(view, answer)

    async def _version(self, number: int, head: int, params: p.TableRestore) -> int:
        """Return the requested version. Raises NotFound if there is none."""
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


class TableJobMethods(TableMethods):
    """A group of methods that create jobs of the component `lockside.storage`."""

    def __init__(self, service: Service) -> None:
        super().__init__(service)
        self._jobs = StorageJobMethods(service)


def _is_meant(row: TableVersionRow, params: p.TableRestore) -> bool:
    if params.time is not None:
        return row.time_us <= clock.from_text(params.time)
    return params.version is not None and row.version == params.version


def _source(row: TableRow, version: int | None) -> dict[str, Any]:
    """Return the entry of an input mapping for a version of a table in exactly this branch."""
    named = {} if version is None else {"version": version}
    return {"source": row.id, "source_branch_id": row.branch_id, **named}


def _refuse_other_structure(row: TableRow, spec: TableSpec) -> None:
    """Raise Conflict if the columns or key differ from those of an existing table."""
    if row.id != spec.id:
        text = f"Table {row.id} exists, and {spec.id} differs from it only in case."
        raise Conflict(text, path="$.table.id")
    known = row.definition
    columns = [(one["name"], one.get("type", "STRING")) for one in known["columns"]]
    if spec.columns and [(one.name, one.type) for one in spec.columns] != columns:
        raise Conflict(f"Table {row.id} exists and has other columns.", path="$.table.columns")
    if spec.primary_key and spec.primary_key != known.get("primaryKey", []):
        raise Conflict(f"Table {row.id} exists and has another primary key.", path="$.table.primaryKey")


def _metadata_of(spec: TableSpec) -> list[Metadatum]:
    """Return the texts and metadata given by the user."""
    metadata = [Metadatum(key=one.key, value=plain_text(one.value)) for one in spec.metadata]
    if spec.description is not None:
        metadata.append(Metadatum(key=DESCRIPTION, value=spec.description))
    metadata += [
        Metadatum(key=DESCRIPTION, value=column.description, column=column.name)
        for column in spec.columns
        if column.description is not None
    ]
    return metadata


def _given(params: Any, form: type[msgspec.Struct]) -> dict[str, Any]:
    """Return the parameters that are members of a mapping of this form, by their names in files."""
    names = [name for name in form.__struct_fields__ if name in params.__struct_fields__]
    plain = msgspec.to_builtins(
        msgspec.defstruct("Given", [(name, Any) for name in names])(
            **{name: getattr(params, name) for name in names}
        )
    )
    return {name: value for name, value in plain.items() if value is not None}
