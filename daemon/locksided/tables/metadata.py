"""The metadata that a load provides for a table: that of its mapping, descriptions and types. Pure."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from lockside.documents.storage import KeyValue, OutputTable
from locksided.tables.names import clean_column
from locksided.tables.orders import Metadatum

DESCRIPTION = "KBC.description"
_DATA_TYPE = "KBC.datatype."


def plain_text(value: Any) -> str:
    """Return a value of metadata as the text that is stored."""
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def metadata_of(mapping: OutputTable, *, with_types: bool) -> list[Metadatum]:
    """Return all pieces of the mapping; with the schema's types for a component whose types are hints."""
    found = [*_pieces(mapping.metadata), *_pieces(mapping.table_metadata)]
    if mapping.description:
        found.append(Metadatum(key=DESCRIPTION, value=mapping.description))
    columns = mapping.column_metadata
    for name, given in columns.items() if isinstance(columns, Mapping) else ():
        found += _pieces(given, clean_column(str(name)))
    for column in mapping.schema:
        found += _of_column(column, with_types=with_types)
    return found


def _pieces(given: Any, column: str = "") -> Iterator[Metadatum]:
    """Yield metadata given in one of its two forms: an object, or a list of keys and values."""
    if isinstance(given, Mapping):
        given = [{"key": key, "value": value} for key, value in given.items()]
    for one in given if isinstance(given, list) else ():
        key, value = (one.key, one.value) if isinstance(one, KeyValue) else (one.get("key"), one.get("value"))
        if key:
            yield Metadatum(key=str(key)[:255], value=plain_text(value), column=column)


def _of_column(column: Mapping[str, Any], *, with_types: bool) -> Iterator[Metadatum]:
    name = clean_column(str(column.get("name")))
    yield from _pieces(column.get("metadata"), name)
    if column.get("description"):
        yield Metadatum(key=DESCRIPTION, value=plain_text(column["description"]), column=name)
    data_type = column.get("data_type")
    base = data_type.get("base") if isinstance(data_type, Mapping) else None
    if not with_types or not isinstance(base, Mapping):
        return
    yield Metadatum(key=f"{_DATA_TYPE}basetype", value=plain_text(base.get("type")), column=name)
    nullable = "0" if column.get("nullable") is False else "1"
    yield Metadatum(key=f"{_DATA_TYPE}nullable", value=nullable, column=name)
    for word in ("length", "default"):
        if base.get(word) is not None:
            yield Metadatum(key=f"{_DATA_TYPE}{word}", value=plain_text(base[word]), column=name)
