"""The structure of a table before and after a load: its columns, their types, its primary key."""

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from lockside.documents.storage import OutputTable
from locksided.steps.lake import types
from locksided.steps.lake.reading import Reading
from locksided.steps.program import UserFault
from locksided.tables.names import clean_column
from locksided.tables.orders import Column, Definition

MOST_COLUMNS = 1600


def definition_after(
    table: str,
    known: Definition | None,
    reading: Reading,
    mapping: OutputTable,
    support: str,
    modifications: str,
) -> Definition:
    """Return the definition after a load from one source. Raises UserFault for a forbidden change."""
    columns = _columns_after(table, known, reading, mapping, support, modifications)
    key = _key_after(known, columns, mapping, modifications)
    return replace(known or Definition(columns=[]), columns=columns, primary_key=key)


def required_columns(mapping: OutputTable, support: str) -> list[str]:
    """Return the columns that the schema declares not nullable."""
    typed = _typed(mapping) if support == "authoritative" else {}
    return [column.name for column in typed.values() if not column.nullable]


def _columns_after(
    table: str,
    known: Definition | None,
    reading: Reading,
    mapping: OutputTable,
    support: str,
    modifications: str,
) -> list[Column]:
    """Return the columns after a load. Raises UserFault for a change that is not allowed."""
    if len(reading.columns) > MOST_COLUMNS:
        raise UserFault(f"It has {len(reading.columns)} columns, at most {MOST_COLUMNS} are allowed.")
    typed = _typed(mapping) if support == "authoritative" else {}
    kinds = reading.kinds if support == "authoritative" else {}
    new = {one: typed.get(one) or types.column_of_kind(one, kinds.get(one, "")) for one in reading.columns}
    if known is None:
        return list(new.values())
    if modifications == "all" and not mapping.incremental:
        old = {column.name: column for column in known.columns}
        return [typed.get(one) or old.get(one) or column for one, column in new.items()]
    expected = [column.name for column in known.columns]
    missing = [one for one in expected if one not in reading.columns]
    if missing:
        raise UserFault(
            f"Some columns are missing in the csv file. Missing columns: {','.join(missing)}. "
            f"Expected columns: {','.join(expected)}. "
            f'Please check if the expected delimiter "{mapping.delimiter}" is used in the csv file.'
        )
    for column in known.columns:
        _refuse_other_type(column, typed.get(column.name), table)
    added = [column for one, column in new.items() if one not in expected]
    if added and modifications == "none":
        raise UserFault(f'Column "{added[0].name}" is new and table_modifications is "none".')
    return [*known.columns, *added]


def _typed(mapping: OutputTable) -> dict[str, Column]:
    """Return the columns whose types are given by the schema."""
    found = {}
    for column in mapping.schema:
        name = clean_column(str(column.get("name")))
        data_type = column.get("data_type")
        base = data_type.get("base") if isinstance(data_type, Mapping) else None
        kind, length = "STRING", None
        if isinstance(base, Mapping) and base.get("type"):
            length = base.get("length")
            kind, length = types.checked(str(base["type"]), None if length is None else str(length))
        nullable = column.get("nullable") is not False
        found[name] = Column(name=name, type=kind, length=length, nullable=nullable)
    return found


def _refuse_other_type(column: Column, declared: Column | None, table: str) -> None:
    if declared is None or (declared.type, declared.length) == (column.type, column.length):
        return
    raise UserFault(
        f'Table "{table}" column "{column.name}" has different type than the '
        f'schema. Table type: "{column.type}", schema type: "{declared.type}".'
    )


def _key_after(
    known: Definition | None, columns: Sequence[Column], mapping: OutputTable, modifications: str
) -> list[str]:
    """Return the primary key after a load; the load checks that it is unique."""
    wanted = [clean_column(one) for one in mapping.primary_key] or [
        clean_column(str(column.get("name")))
        for column in mapping.schema
        if column.get("primary_key") is True
    ]
    wanted = list(dict.fromkeys(wanted)) or ([] if known is None else known.primary_key)
    named = {column.name for column in columns}
    for one in wanted:
        if one not in named:
            raise UserFault(f'Primary key column "{one}" not found.')
    if known is not None and wanted != known.primary_key and modifications == "none":
        raise UserFault(f'Primary key column "{wanted[0]}" is new and table_modifications is "none".')
    return wanted
