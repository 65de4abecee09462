"""The output mapping: the table that each file in out/tables becomes. Pure."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from lockside.documents.reading import convert, stored_form
from lockside.documents.storage import DeleteFilter, Output, OutputTable
from locksided.tables.names import TIMESTAMP, TableId, clean_column, is_table_id

_SAYS_NOTHING: tuple[object, ...] = (None, False, "", [], {})
_DEFAULTS = {"delimiter": ",", "enclosure": '"'}
_BESIDE_SCHEMA = ("columns", "metadata", "column_metadata", "primary_key", "distribution_key")


class BadMapping(Exception):
    """A file of out/tables or its mapping is invalid; the message is shown to the user."""


@dataclass(frozen=True, slots=True)
class Load:
    """A file or folder of a row to be loaded into a table; `table` is None if it is not loaded."""

    row: str | None
    source: str
    table: str | None
    mapping: OutputTable


@dataclass(frozen=True, slots=True)
class Source:
    """A file or folder in out/tables of a row, and the content of its manifest."""

    row: str | None
    name: str
    manifest: Mapping[str, Any]


def output_of(configuration: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return `storage.output` as configured; empty if there is none."""
    storage = configuration.get("storage")
    output = storage.get("output") if isinstance(storage, Mapping) else None
    return output if isinstance(output, Mapping) else {}


NO_TABLES = (
    "Tables are not installed: `pip install 'lockside[tables]'`, or set `[storage] backend` to \"local\"."
)


def mapped_part(storage: Any) -> tuple[str | int, ...] | None:
    """Return the path of the first part of a mapping that names a table or a file; None if none does."""
    if not isinstance(storage, Mapping):
        return None
    for side, kind in (("input", "tables"), ("input", "files"), ("output", "tables"), ("output", "files")):
        part = storage.get(side)
        if isinstance(part, Mapping) and part.get(kind):
            return side, kind
    return None


def input_entries(configuration: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return `storage.input.tables` as configured."""
    return mapping_objects(configuration, "input", "tables")


def mapping_objects(configuration: Mapping[str, Any], side: str, kind: str) -> list[Mapping[str, Any]]:
    """Return the entries of one part of a storage mapping."""
    storage = configuration.get("storage")
    given = storage.get(side) if isinstance(storage, Mapping) else None
    return _objects(given.get(kind)) if isinstance(given, Mapping) else []


def target_of(entry: Mapping[str, Any]) -> str:
    """Return the name in in/tables of an entry of the input mapping."""
    return str(entry.get("destination") or entry.get("source"))


def read_entries(configuration: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the entries of all tables to be read, including those for filters of the output mapping."""
    values = [{"source": source} for source in value_sources(output_of(configuration))]
    return [*input_entries(configuration), *values]


def value_sources(output: Mapping[str, Any]) -> list[str]:
    """Return the tables whose values are used by filters of `delete_where`."""
    found = (
        one.values_from_storage.source
        for entry in _objects(output.get("tables"))
        for rule in _objects(entry.get("delete_where"))
        for given in _objects(rule.get("where_filters"))
        if given.get("values_from_storage") and (one := convert(given, DeleteFilter)).values_from_storage
    )
    return list(dict.fromkeys(found))


def _objects(given: Any) -> list[Mapping[str, Any]]:
    return [one for one in given if isinstance(one, Mapping)] if isinstance(given, list) else []


def read_paths(entry: Mapping[str, Any], project: str, branch: str) -> list[TableId]:
    """Return the tables that an entry of the input mapping may mean; the first that exists is used."""
    source, only = str(entry.get("source")), entry.get("source_branch_id")
    branches = [str(only)] if only is not None else list(dict.fromkeys((branch, "default")))
    return [TableId(project, one, source) for one in branches]


def settings_of(output: Mapping[str, Any]) -> Output:
    """Return the members of `storage.output` that apply to all its tables."""
    bare = {name: value for name, value in output.items() if name not in ("tables", "files")}
    read: Output = msgspec.convert(bare, stored_form(Output))
    return read


def mapped_entries(output: Mapping[str, Any], source: str) -> list[Mapping[str, Any]]:
    """Return the entries of a source in the mapping; one empty entry if it has none."""
    return [one for one in _objects(output.get("tables")) if one.get("source") == source] or [{}]


def mapped_sources(output: Mapping[str, Any]) -> list[str]:
    """Return the sources named by the mapping, each once."""
    return list(dict.fromkeys(str(one.get("source")) for one in _objects(output.get("tables"))))


def unchanged_tables(output: Mapping[str, Any]) -> list[str]:
    """Return the tables that no other job may change while a job that writes them runs."""
    entries = _objects(output.get("tables"))
    return [str(one.get("destination")) for one in entries if one.get("require_unchanged") is True]


def loads(
    source: Source,
    output: Mapping[str, Any],
    bucket: str | None,
    *,
    may_stay: bool,
    of_failed_run: bool = False,
) -> Iterator[Load | BadMapping]:
    """Yield the tables that a source is loaded into, and how; or why it cannot be.

    `bucket` is the default bucket. With `may_stay`, a source without a table is not an error. Of a failed
    run, only sources with `write_always` are loaded.
    """
    for entry in mapped_entries(output, source.name):
        if of_failed_run and not any(one.get("write_always") is True for one in (source.manifest, entry)):
            continue
        try:
            mapping = _read(source.name, _merged(source.manifest, entry))
            table = _destination(source, entry, bucket, may_stay=may_stay)
        except BadMapping as problem:
            yield problem
        else:
            yield Load(source.row, source.name, table, mapping)


def default_bucket(
    output: Mapping[str, Any], component: str, config: str | None, stage: str, *, is_wanted: bool
) -> str | None:
    """Return the bucket of tables that name none."""
    named = settings_of(output).default_bucket
    if named or config is None or not is_wanted:
        return named
    return f"{stage}.c-{re.sub(r'[^A-Za-z0-9_-]', '-', f'{component}-{config}')}"[:98]


def _merged(manifest: Mapping[str, Any], entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return the manifest overridden by the mapping: metadata is merged by key, the schema by column."""
    merged = {name: value for name, value in manifest.items() if value is not None}
    for name, value in entry.items():
        if (value in _SAYS_NOTHING and not _is_number(value)) or _DEFAULTS.get(name) == value:
            continue
        below = merged.get(name)
        merged[name] = value if below is None else _over(name, below, value)
    return merged


def _over(name: str, below: Any, value: Any) -> Any:
    """Return a member of the manifest overridden by that of the mapping."""
    if name in ("metadata", "table_metadata"):
        return _by("key", _pieces(below), _pieces(value))
    if name == "column_metadata" and isinstance(below, Mapping) and isinstance(value, Mapping):
        columns = {column: _over("metadata", below.get(column), over) for column, over in value.items()}
        return {**below, **columns}
    if name == "schema" and isinstance(below, list):
        return _by("name", below, value)
    return value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _by(key: str, below: Any, over: Any) -> list[Any]:
    items = {str(one.get(key)): one for one in _objects(below)}
    for one in _objects(over):
        known = items.get(str(one.get(key)), {})
        metadata = {**_object(known.get("metadata")), **_object(one.get("metadata"))}
        items[str(one.get(key))] = {**known, **one, **({"metadata": metadata} if metadata else {})}
    return list(items.values())


def _pieces(given: Any) -> list[Mapping[str, Any]]:
    """Return metadata as a list of keys and values, whichever of its two forms it has."""
    if isinstance(given, Mapping):
        return [{"key": key, "value": value} for key, value in given.items()]
    return _objects(given)


def _object(given: Any) -> Mapping[str, Any]:
    return given if isinstance(given, Mapping) else {}


def _read(source: str, merged: Mapping[str, Any]) -> OutputTable:
    def refused(why: str) -> BadMapping:
        return BadMapping(f"Failed to prepare mapping configuration for table {source}: {why}")

    if merged.get("schema"):
        for other in _BESIDE_SCHEMA:
            if merged.get(other):
                raise refused(f'Only one of "schema" or "{other}" can be defined.')
    if merged.get("delete_where") and merged.get("delete_where_column"):
        raise refused('Only one of "delete_where" or "delete_where_column" can be defined.')
    try:
        read = convert({**merged, "source": source}, OutputTable)
    except msgspec.ValidationError as problem:
        raise refused(f"{problem}.") from None
    if read.delimiter == read.enclosure:
        raise refused("The delimiter and the enclosure must differ.")
    named = [*read.columns, *(str(column.get("name")) for column in read.schema), *read.primary_key]
    named += map(str, _object(read.column_metadata))
    if any(clean_column(name).lower() == TIMESTAMP for name in named):
        text = f'System columns "{TIMESTAMP}" cannot be imported to the table.'
        raise BadMapping(f"Failed to process mapping for table {source}: {text}")
    return read


def _destination(
    source: Source, entry: Mapping[str, Any], bucket: str | None, *, may_stay: bool
) -> str | None:
    by_mapping, by_manifest = entry.get("destination"), source.manifest.get("destination")
    bare = source.name.removesuffix(".csv")
    if isinstance(by_mapping, str) and by_mapping:
        found = by_mapping
    elif isinstance(by_manifest, str) and by_manifest.count(".") == 2:
        found = by_manifest
    elif not by_manifest and bare.count(".") == 2:
        found = bare
    elif bucket is not None:
        found = f"{bucket}.{by_manifest or bare}"
    elif may_stay:
        return None
    else:
        raise BadMapping(f'Failed to resolve destination for output table "{source.name}".')
    if not is_table_id(found):
        raise BadMapping(f'Failed to resolve valid destination. "{found}" is not a valid table ID.')
    return found
