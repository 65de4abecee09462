"""The methods of tables. Processes of the caller read the data for their answers, never the daemon."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Literal

import msgspec
from msgspec.structs import replace

from lockside.documents.base import camel
from lockside.kinds import BUCKET
from lockside.protocol.methods import storage as p
from lockside.protocol.types import storage as t
from locksided import clock
from locksided.api.catalog import CatalogMethods
from locksided.api.paging import View, listed
from locksided.api.service import HandlerGroup, Service
from locksided.api.storage_actions import run_storage_action
from locksided.catalog.table import RECORDS
from locksided.core.errors import Disabled, Invalid, NotFound
from locksided.runs.inspection import UnknownTable
from locksided.runs.resolved import TableSupport
from locksided.server.calls import Call
from locksided.server.handlers import handler
from locksided.store.catalog.keys import Key, all_of
from locksided.store.catalog.objects import require_branch
from locksided.store.paging import Slice
from locksided.store.table_metadata import ToldRow, by_place, metadata_of
from locksided.store.table_rows import TableRow, TableVersionRow
from locksided.store.tables import FoundTable, TableFilter, definition_at, told_page
from locksided.store.troubles import troubled as troubled_tables
from locksided.tables.mapping import NO_TABLES
from locksided.tables.metadata import DESCRIPTION
from locksided.tables.names import TableId

_COUNTED = tuple(
    name
    for name in t.TableVersion.__struct_fields__
    if name.startswith(("rows_", "records_")) and name != "rows_count"
)
Kept = Mapping[int, tuple[int | None, int]]
Metadata = Mapping[int, list[ToldRow]]
Health = Literal["good", "unpublished", "foreign", "damaged"]


class StorageMethods(HandlerGroup):
    """`storage.*`."""

    def __init__(self, service: Service) -> None:
        super().__init__(service)
        self._storage = service.runs.storage
        self._catalog = CatalogMethods(service)

    @handler
    async def buckets(self, call: Call, params: p.BucketList) -> View:
        """Return buckets by their ids."""
        text = (params.text or "").lower()

        def is_wanted(body: Mapping[str, Any]) -> bool:
            return text in str(body["id"]).lower()

        wanted = all_of(BUCKET, params.project, params.branch_id, (), is_wanted if text else None)
        return await self._catalog.listed(RECORDS[BUCKET.word], call, params, lambda _: wanted)

    async def require_branch(self, project: str, branch: str, path: str = "$.branchId") -> None:
        """Raise NotFound unless the branch exists."""
        key = Key(project, BUCKET, ("",), branch)
        await self._service.store.read(partial(require_branch, key=key, path=path))

    def check_enabled(self) -> None:
        """Raise Disabled when the daemon keeps no tables."""
        if self._storage.support is not TableSupport.KEPT:
            raise Disabled(NO_TABLES)

    async def table(self, project: str, branch: str, text: str, path: str) -> FoundTable:
        """Return a table, and its unpublished commits. Raises Disabled and NotFound."""
        self.check_enabled()
        table = TableId(project, branch, text)
        found = await self._service.store.tables_by_key([table.key])
        if table.key not in found:
            raise NotFound(f"There is no table {text!r} in branch {branch}.", path=path)
        return found[table.key]

    @handler
    async def get(self, _: Call, params: p.TableGet) -> t.Table:
        """Return one table at its head or at a version."""
        row = (await self.table(params.project, params.branch_id, params.id, "$.id")).row
        if params.version is None:
            return await self.shown(row)
        refuse_unwritten(row, params.version)
        versions = await self._service.store.table_history(row.number, params.version + 1, 1)
        if not versions or versions[0].version != params.version:
            raise NotFound(
                f'Version {params.version} of table "{row.id}" is no longer kept.', path="$.version"
            )
        then = partial(definition_at, row=row, version=params.version)
        row = replace(row, definition=await self._service.store.read(then), rows_count=versions[0].rows_count)
        return replace(await self.shown(row), version=params.version)

    async def shown(self, row: TableRow) -> t.Table:
        """Return a table at its head."""
        kept = await self._service.store.kept_versions([row.number])
        return self._view(row, kept, await self._metadata([row]))

    async def _metadata(self, rows: Sequence[TableRow]) -> Metadata:
        numbers = [row.number for row in rows]
        return await self._service.store.read(partial(metadata_of, numbers=numbers))

    @handler
    async def list(self, _: Call, params: p.TableList) -> View:
        """Return tables by their ids."""
        self.check_enabled()
        await self.require_branch(params.project, params.branch_id)
        wanted = TableFilter(params.project, params.branch_id, params.bucket, params.text)
        rows, kept, metadata = await self._service.store.read(
            partial(told_page, wanted=wanted, after=params.cursor or "", limit=params.limit + 1)
        )
        found = Slice(rows[: params.limit], len(rows) > params.limit, lambda row: row.key)
        return listed("tables", found, lambda row: self._view(row, kept, metadata), self._service.line_bytes)

    @handler
    async def history(self, _: Call, params: p.TableHistoryGet) -> View:
        """Return the versions of a table."""
        row = (await self.table(params.project, params.branch_id, params.id, "$.id")).row
        before = row.head + 1 if params.cursor is None else cursor_number(params.cursor)
        rows = await self._service.store.table_history(row.number, before, params.limit + 1)
        found = Slice(rows[: params.limit], len(rows) > params.limit, lambda one: str(one.version))
        return listed("versions", found, _version_view, self._service.line_bytes)

    @handler
    async def snapshot(self, call: Call, params: p.SnapshotGet) -> t.Snapshot:
        """Return the heads of tables, read in one query; a process of the caller reads their files."""
        self.check_enabled()
        await self.require_branch(params.project, params.branch_id)
        ids = [TableId(params.project, params.branch_id, text) for text in params.tables]
        store = self._service.store
        if not ids:
            rows, _kept = await store.tables_page(TableFilter(params.project, params.branch_id), "", 10_000)
            ids = [TableId(row.project, row.branch_id, row.id) for row in rows]
        found = await store.tables_by_key([one.key for one in ids])
        for place, one in enumerate(ids):
            if one.key not in found:
                raise NotFound(f"There is no table {one.text!r}.", path=f"$.tables[{place}]")
        files: Mapping[str, Any] = {}
        if params.with_files and ids:
            order = self._storage.files_order(found.values())
            files = (await run_storage_action(self._service, call, "files", order))["files"]
        return t.Snapshot(
            time=clock.to_text(clock.now_us()) or "",
            root=str(self._storage.root),
            program=list(self._storage.program),
            tables=[self._snapshot_view(found[one.key], files.get(one.key)) for one in ids],
        )

    def _snapshot_view(self, found: FoundTable, files: Sequence[str] | None) -> t.SnapshotTable:
        row = found.row
        folder = TableId(row.project, row.branch_id, row.id).folder
        uri = f"file:{self._storage.root / folder}"
        return t.SnapshotTable(
            id=row.id,
            version=row.head,
            folder=folder,
            uri=uri,
            files=None if files is None else [f"{uri}/{name}" for name in files],
            staged=list(found.staged.values()),
        )

    async def version_of(self, row: TableRow, params: p.PreviewGet) -> int:
        """Return the newest version at a time, or the last made by a job. Raises NotFound."""
        before = row.head + 1
        while rows := await self._service.store.table_history(row.number, before, 1000):
            for one in rows:
                made = params.job is not None and str(one.job_id) == params.job
                if made or (params.time is not None and one.time_us <= clock.from_text(params.time)):
                    return one.version
            before = rows[-1].version
        raise NotFound(f"Table {row.id} has no such version.", path="$.time" if params.time else "$.job")

    @handler
    async def status(self, _: Call, __: p.StorageStatusGet) -> t.StorageStatus:
        """Return the status of the lake as a whole."""
        unknown: Sequence[UnknownTable] = ()
        if self._storage.support is TableSupport.KEPT:
            await self._storage.inspection.inspect_all()
            unknown = await self._storage.inspection.unknown_tables()
        number, size_bytes = await self._service.store.lake_size()
        troubled = await self._service.store.read(troubled_tables)
        troubles = self._service.publisher.troubles
        waiting = await self._service.store.unpublished(1000)
        return t.StorageStatus(
            backend="lake" if self._storage.support is TableSupport.KEPT else "local",
            root=str(self._storage.root),
            lake_id=self._storage.lake_id,
            tables=number,
            bytes=size_bytes,
            unpublished=[
                t.Unpublished(
                    table=one.id,
                    branch_id=one.branch_id,
                    version=one.version,
                    cause=trouble.cause if (trouble := troubles.get(one.number)) else None,
                    since=clock.to_text(trouble.since_us) if trouble else None,
                )
                for one in waiting
            ],
            foreign=[
                *(_trouble_view(row) for row in troubled if _trouble_of(row) == "foreign"),
                *map(_unknown_view, unknown),
            ],
            damaged=[_trouble_view(row) for row in troubled if _trouble_of(row) == "damaged"],
        )

    def _health(self, row: TableRow) -> Health:
        if row.trouble is not None:
            return "foreign" if _trouble_of(row) == "foreign" else "damaged"
        return "unpublished" if row.number in self._service.publisher.troubles else "good"

    def _view(self, row: TableRow, kept: Kept, metadata: Metadata) -> t.Table:
        table = TableId(row.project, row.branch_id, row.id)
        published, oldest = kept.get(row.number, (None, row.head))
        columns = row.definition["columns"]
        of_table, of_columns = by_place(metadata.get(row.number, ()))
        return t.Table(
            id=row.id,
            name=row.id.rpartition(".")[2],
            display_name=row.id.rpartition(".")[2],
            branch_id=row.branch_id,
            bucket=table.bucket,
            primary_key=row.definition.get("primaryKey", []),
            columns=[column["name"] for column in columns],
            definition=_column_views(columns, of_columns),
            description=_description(of_table),
            metadata=[_piece(one) for one in of_table],
            column_metadata={name: [_piece(one) for one in found] for name, found in of_columns.items()},
            created=clock.to_text(row.created_us) or "",
            last_import_date=clock.to_text(row.imported_us) or "",
            last_change_date=clock.to_text(row.changed_us) or "",
            rows_count=row.rows_count,
            data_size_bytes=row.size_bytes,
            is_typed=any(column.get("type", "STRING") != "STRING" for column in columns),
            version=row.head,
            published_version=published,
            oldest_version=oldest,
            uri=f"file:{self._storage.root / table.folder}",
            health=self._health(row),
        )


class TableMethods(HandlerGroup):
    """A group of methods that look up tables."""

    def __init__(self, service: Service) -> None:
        super().__init__(service)
        self._tables = StorageMethods(service)


def refuse_unwritten(row: TableRow, version: int) -> None:
    """Raise NotFound for a version that no commit has made yet."""
    if version > row.head:
        text = f'Table "{row.id}" has no version {version}: its newest is {row.head}.'
        raise NotFound(text, path="$.version")


def _piece(row: ToldRow) -> t.Metadata:
    timestamp = clock.to_text(row.time_us) or ""
    return t.Metadata(
        id=str(row.id), key=row.key, value=row.value, provider=row.provider, timestamp=timestamp
    )


def _description(pieces: Sequence[ToldRow]) -> str | None:
    """Return the newest description."""
    found = [one for one in pieces if one.key == DESCRIPTION]
    return max(found, key=lambda one: one.time_us).value if found else None


def _column_views(
    columns: Sequence[Mapping[str, Any]], metadata: Mapping[str, Sequence[ToldRow]]
) -> list[t.TableColumn]:
    shown = msgspec.convert(columns, list[t.TableColumn])
    if not metadata:
        return shown
    texts = {name: _description(pieces) for name, pieces in metadata.items()}
    return [replace(one, description=text) if (text := texts.get(one.name)) else one for one in shown]


def _trouble_of(row: TableRow) -> str:
    return str((row.trouble or {}).get("kind"))


def _trouble_view(row: TableRow) -> t.TroubledTable:
    trouble = row.trouble or {}
    return t.TroubledTable(
        table=row.id, branch_id=row.branch_id, version=trouble["version"], cause=trouble["cause"]
    )


def _unknown_view(unknown: UnknownTable) -> t.TroubledTable:
    table = unknown.table
    return t.TroubledTable(
        table=table.text,
        branch_id=table.branch,
        version=unknown.version,
        cause="the database does not know it.",
    )


def _version_view(row: TableVersionRow) -> t.TableVersion:
    details = row.details
    return t.TableVersion(
        version=row.version,
        time=clock.to_text(row.time_us) or "",
        serial=row.serial,
        operation=row.operation,
        job=None if row.job_id is None else str(row.job_id),
        component=details.get("component"),
        config=details.get("config"),
        user=details.get("user"),
        rows_count=row.rows_count,
        **_counts(details),
        inputs=[msgspec.convert(one, t.TableRead) for one in details.get("inputs", [])],
        published=row.published_us is not None,
        foreign=details.get("foreign", False),
    )


def _counts(details: Mapping[str, Any]) -> dict[str, int]:
    """Return the counts of a commit's load, by the names of the members of a version."""
    counts = details.get("counts", {})
    return {name: counts[camel(name)] for name in _COUNTED if camel(name) in counts}


def cursor_number(cursor: str) -> int:
    """Return the number in a cursor. Raises Invalid."""
    if not cursor.isdecimal():
        raise Invalid("It is not the `nextCursor` of a page of this list.", path="$.cursor")
    return int(cursor)
