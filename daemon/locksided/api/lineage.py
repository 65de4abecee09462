"""`storage.lineage` and `storage.diff`: where the rows of a table come from, and what changed in them."""

from functools import partial

from lockside.protocol.methods import table_reads as p
from lockside.protocol.methods import table_reads as t
from lockside.protocol.types.storage import TableDiff
from locksided import clock
from locksided.api.storage import TableMethods
from locksided.api.storage_actions import run_storage_action
from locksided.core.errors import NotFound
from locksided.server.calls import Call
from locksided.server.handlers import handler
from locksided.store.lineage import Found, Node, TableVersion, tables_by_number, walk
from locksided.store.rows import JobRow
from locksided.store.table_rows import TableRow


class LineageMethods(TableMethods):
    """`storage.lineage` and `storage.diff`."""

    @handler
    async def lineage(self, _: Call, params: p.LineageGet) -> t.Lineage:
        """Return what a table or a job was made from, or what was made of it, from the database alone."""
        start = await self._start(params)
        found = await self._service.store.read_patiently(
            partial(walk, start=start, direction=params.direction, depth=params.depth)
        )
        numbers = {node.number for node in found.nodes if isinstance(node, TableVersion)}
        tables = await self._service.store.read(partial(tables_by_number, numbers=numbers))
        ids = [node for node in found.nodes if isinstance(node, int)]
        jobs = {row.id: row for row in await self._service.store.job_rows(ids)}
        return _view(found, tables, jobs)

    async def _start(self, params: p.LineageGet) -> Node:
        if params.job is not None:
            job_id = self._service.job_id(params.job, "$.job")
            if not await self._service.store.job_rows([job_id]):
                raise NotFound(f"There is no job {params.job}.", path="$.job")
            return job_id
        assert params.table is not None
        row = (await self._tables.table(params.project, params.branch_id, params.table, "$.table")).row
        version = row.head if params.version is None else params.version
        if version > row.head:
            raise NotFound(f"Table {row.id} has no version {version}.", path="$.version")
        return TableVersion(row.number, version)

    @handler
    async def diff(self, call: Call, params: p.DiffGet) -> TableDiff:
        """Return the rows in which two versions of a table differ."""
        found = await self._tables.table(params.project, params.branch_id, params.table, "$.table")
        to = found.row.head if params.to is None else params.to
        for version, path in ((params.since, "$.from"), (to, "$.to")):
            if version > found.row.head:
                raise NotFound(f"Table {found.row.id} has no version {version}.", path=path)
        order = self._service.runs.storage.diff_order(found, params.since, to, params.limit)
        return TableDiff(**await run_storage_action(self._service, call, "diff", order))


def _view(found: Found, tables: dict[int, TableRow], jobs: dict[int, JobRow]) -> t.Lineage:
    nodes = {
        node: _job(node, jobs.get(node)) if isinstance(node, int) else _table(node, tables[node.number])
        for node in found.nodes
    }
    return t.Lineage(
        nodes=list(nodes.values()),
        edges=[t.LineageEdge(from_id=nodes[one].id, to_id=nodes[other].id) for one, other in found.edges],
        is_truncated=found.is_truncated,
    )


def _job(job_id: int, row: JobRow | None) -> t.LineageNode:
    node = t.LineageNode(id=f"job:{job_id}", kind="job", job=str(job_id))
    if row is None:
        return node
    return t.LineageNode(
        id=node.id,
        kind="job",
        job=node.job,
        component=row.component,
        config=row.config,
        status=row.status,
        time=clock.to_text(row.created_us),
    )


def _table(node: TableVersion, row: TableRow) -> t.LineageNode:
    branch = "" if row.branch_id == "default" else f"{row.branch_id}/"
    return t.LineageNode(
        id=f"table:{branch}{row.id}@{node.version}",
        kind="table",
        table=row.id,
        branch_id=row.branch_id,
        version=node.version,
    )
