"""The methods of stored files. Their data is read and written by processes of the caller."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from lockside.documents.file_query import read_query
from lockside.protocol.methods import stored_files as p
from lockside.protocol.methods import stored_files as t
from locksided import clock
from locksided.api.deduplication import dedup_mark, repeats_first
from locksided.api.paging import View, listed
from locksided.api.rights import actor
from locksided.api.storage import cursor_number
from locksided.api.storage_jobs import TableJobMethods
from locksided.core.errors import NotFound
from locksided.runs.storage_operations import PUT_FILE
from locksided.server.calls import Call
from locksided.server.handlers import handler
from locksided.store.paging import Slice
from locksided.store.sql import Database
from locksided.store.stored_files import FileFilter, delete, find, tag, tags_of
from locksided.store.table_rows import FileRow
from locksided.store.transaction import Transaction


class FileMethods(TableJobMethods):
    """`storage.file.*`."""

    @handler
    @repeats_first
    async def put(self, call: Call, params: p.FilePut) -> View:
        """Create a job that stores a file."""
        self._tables.check_enabled()
        await self._tables.require_branch(params.project, params.branch_id)
        parameters = {
            "operation": PUT_FILE,
            "path": params.path,
            "tags": params.tags,
            "isPermanent": params.is_permanent,
            **({} if params.name is None else {"name": params.name}),
        }
        return await self._jobs.made(call, params, parameters, branch=params.branch_id)

    @handler
    async def get(self, _: Call, params: p.FileGet) -> t.File:
        """Return one file."""
        return await self._shown(await self._file(params))

    @handler
    async def list(self, _: Call, params: p.FileList) -> View:
        """Return files, the newest first."""
        self._tables.check_enabled()
        await self._tables.require_branch(params.project, params.branch_id)
        wanted = FileFilter(
            params.project,
            params.branch_id,
            included=params.tags,
            query=None if params.query is None else read_query(params.query),
            before=None if params.cursor is None else cursor_number(params.cursor),
        )
        rows = await self._service.store.read(partial(find, wanted=wanted, limit=params.limit + 1))
        found = Slice(rows[: params.limit], len(rows) > params.limit, lambda row: str(row.id))
        tags = await self._service.store.read(partial(tags_of, ids=[row.id for row in found.entries]))
        return listed(
            "files", found, lambda row: self._view(row, tags.get(row.id, [])), self._service.line_bytes
        )

    @handler
    async def delete(self, call: Call, params: p.FileDelete) -> t.FileDeleted:
        """Delete a file."""
        row = await self._file(params)
        await self._change(call, params, partial(delete, row=row, cause="asked"))
        return t.FileDeleted(id=params.id)

    @handler
    async def tag(self, call: Call, params: p.FileTag) -> t.File:
        """Change the tags of a file."""
        row = await self._file(params)
        await self._change(call, params, partial(tag, row=row, add=params.add, remove=params.remove))
        return await self._shown(row)

    async def _change(self, call: Call, params: Any, work: Callable[..., None]) -> None:
        stamp = {"time_us": clock.now_us(), "principal": actor(call.principal).as_data()}

        def write(tx: Transaction) -> None:
            work(tx, **stamp)

        await self._service.scheduler.ask(write, once=dedup_mark(call, params, lambda _: {}))

    async def _file(self, params: p.FileGet | p.FileDelete | p.FileTag) -> FileRow:
        """Return a file of the branch. Raises Disabled and NotFound."""
        self._tables.check_enabled()
        wanted = FileFilter(params.project, params.branch_id, ids=[int(params.id)])
        rows = await self._service.store.read(partial(find, wanted=wanted, limit=1))
        if not rows:
            raise NotFound(f"There is no file {params.id} in branch {params.branch_id}.", path="$.id")
        return rows[0]

    async def _shown(self, row: FileRow) -> t.File:
        def tags(connection: Database) -> list[str]:
            return tags_of(connection, [row.id]).get(row.id, [])

        return self._view(row, await self._service.store.read(tags))

    def _view(self, row: FileRow, tags: Sequence[str]) -> t.File:
        details = row.details
        return t.File(
            id=str(row.id),
            name=row.name or "",
            branch_id=row.branch_id,
            tags=[*tags],
            size_bytes=row.size_bytes,
            checksum=f"sha256:{row.sha256}",
            is_permanent=row.expires_us is None,
            is_public=details.get("isPublic", False),
            is_encrypted=details.get("isEncrypted", False),
            created=clock.to_text(row.created_us) or "",
            expires=clock.to_text(row.expires_us),
            job=None if row.job_id is None else str(row.job_id),
            component=details.get("component"),
            config=details.get("config"),
            user=details.get("user"),
            path=str(self._service.runs.storage.root / row.path),
        )
