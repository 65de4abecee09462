"""Tables of the database in the form for storage steps."""

import msgspec

from locksided.store.tables import FoundTable
from locksided.tables.names import TableId
from locksided.tables.orders import Definition, TableOrder


def found_order(found: FoundTable, version: int | None = None) -> TableOrder:
    """Return a table for a step, at its head or at a version."""
    row = found.row
    order = table_order(TableId(row.project, row.branch_id, row.id), 0, found)
    return order if version is None else at_version(order, version)


def at_version(order: TableOrder, version: int) -> TableOrder:
    """Return the table at a requested version, which may not exist."""
    return msgspec.structs.replace(order, version=version, newest=order.version)


def table_order(table: TableId, serial: int, found: FoundTable | None) -> TableOrder:
    """Return a table that a step may write, or create if it was not found."""
    if found is None:
        return TableOrder(id=table.text, key=table.key, folder=table.folder, serial=serial)
    row = found.row
    return TableOrder(
        id=row.id,
        key=row.key,
        folder=TableId(row.project, row.branch_id, row.id).folder,
        serial=serial,
        version=row.head,
        oldest=row.oldest,
        head_job=None if found.head_job is None else str(found.head_job),
        staged=found.staged,
        definition=msgspec.convert(row.definition, Definition),
        rows_count=row.rows_count,
        created_us=row.created_us,
        imported_us=row.imported_us,
        changed_us=row.changed_us,
    )
