"""The versions of tables that a job read, for a job that is to read the same."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

from locksided.api.service import Service
from locksided.core.errors import Conflict
from locksided.store.rows import JobRow
from locksided.tables.names import TableId


async def pinned_versions(service: Service, row: JobRow, path: str, remedy: str) -> dict[str, int]:
    """By the tables' keys, of the job and all below it. Raises Conflict for versions that are not kept."""
    read = {
        TableId(row.project, str(table["branchId"]), str(table["id"])): int(table["version"])
        async for result in results_of(service, row)
        for table in (result.get("input") or {}).get("tables", [])
    }
    found = await service.store.tables_by_key([table.key for table in read])
    gone = [
        f"version {version} of {table.text}"
        for table, version in read.items()
        if table.key not in found or not found[table.key].row.oldest <= version <= found[table.key].row.head
    ]
    if gone:
        raise Conflict(f"No longer kept: {', '.join(gone)}. {remedy}", path=path)
    return {table.key: version for table, version in read.items()}


async def results_of(service: Service, row: JobRow) -> AsyncIterator[Mapping[str, Any]]:
    """The results of a job and of all below it."""
    yield row.result or {}
    for part in await service.store.parts(row.id):
        async for result in results_of(service, part):
            yield result
