"""The base types of columns: in DuckDB, in Delta's schema, and in the statistics of its log."""

from collections.abc import Mapping
from typing import Any

from locksided.steps.program import UserFault
from locksided.tables.names import TIMESTAMP
from locksided.tables.orders import Column

STRING = "STRING"
_DUCKDB = {
    "STRING": "VARCHAR",
    "INTEGER": "BIGINT",
    "FLOAT": "DOUBLE",
    "BOOLEAN": "BOOLEAN",
    "DATE": "DATE",
    "TIMESTAMP": "TIMESTAMPTZ",
}
_DELTA = {
    "STRING": "string",
    "INTEGER": "long",
    "FLOAT": "double",
    "BOOLEAN": "boolean",
    "DATE": "date",
    "TIMESTAMP": "timestamp",
}
_BASES = {
    "FLOAT": "FLOAT",
    "DOUBLE": "FLOAT",
    "BOOLEAN": "BOOLEAN",
    "DATE": "DATE",
    "TIMESTAMP": "TIMESTAMP",
    "TIMESTAMP_S": "TIMESTAMP",
    "TIMESTAMP_MS": "TIMESTAMP",
    "TIMESTAMP_NS": "TIMESTAMP",
    "TIMESTAMP WITH TIME ZONE": "TIMESTAMP",
}
_INTEGERS = tuple(
    f"{sign}{size}" for sign in ("", "U") for size in ("BIGINT", "INTEGER", "SMALLINT", "TINYINT")
)
BOUNDS = {
    "DATE": "DATE '0001-01-01' AND DATE '9999-12-31'",
    "TIMESTAMP": "TIMESTAMPTZ '0001-01-01 00:00:00+00' AND TIMESTAMPTZ '9999-12-31 23:59:59.999999+00'",
}
_WHOLE = r"\s*[+-]?[0-9]+(\.0*)?\s*"
EXACT_DIGITS = 15
"""The most digits of a decimal number that a JSON number keeps; a rounded bound would hide rows."""
DEFAULT_LENGTH = "38,9"
TIMESTAMP_COLUMN = Column(name=TIMESTAMP, type="TIMESTAMP")


def checked(base: str, length: str | None) -> tuple[str, str | None]:
    """Return the canonical base type and length. Raises UserFault for a type that does not exist."""
    kind = base.upper()
    if kind in _DUCKDB:
        return kind, None
    if kind != "NUMERIC":
        raise UserFault(f'There is no type "{base}".')
    parts = [part.strip() for part in (length or DEFAULT_LENGTH).split(",")]
    precision, scale = (parts[0], parts[1] if len(parts) > 1 else "0")
    if not (precision.isdecimal() and scale.isdecimal() and int(scale) <= int(precision) <= 38):
        raise UserFault(f'"{length}" is not a length of NUMERIC.')
    return kind, f"{int(precision)},{int(scale)}"


def duckdb_type(column: Column) -> str:
    """Return the column's type in DuckDB."""
    if column.type == "NUMERIC":
        return f"DECIMAL({column.length or DEFAULT_LENGTH})"
    return _DUCKDB[column.type]


def is_misfit(column: Column, value: str) -> str:
    """Return the SQL condition that a value cannot be stored in the column.

    Years before 1 and after 9999, and `infinity`, are dates of DuckDB that other readers cannot read.
    """
    cast = f"TRY_CAST({value} AS {duckdb_type(column)})"
    bounds = BOUNDS.get(column.type)
    fault = f"coalesce({cast} NOT BETWEEN {bounds}, true)" if bounds else f"{cast} IS NULL"
    return f"({value}) IS NOT NULL AND {fault}"


def plain_text(column: Column, value: str, kind: str) -> str:
    """Return the SQL expression to cast to the column's type: for INTEGER it accepts only whole numbers.

    Otherwise DuckDB would round 1.5, read 0x1F as a number, and take the numbers 2 and NaN for true.
    """
    if column.type == "BOOLEAN" and kind != "BOOLEAN":
        return f"({value})::VARCHAR"
    if column.type != "INTEGER" or kind in _INTEGERS:
        return value
    text = f"({value})::VARCHAR"
    return f"CASE WHEN regexp_full_match({text}, '{_WHOLE}') THEN {text} ELSE 'no ' || {text} END"


def column_of_kind(name: str, kind: str) -> Column:
    """Return the column for values of a DuckDB type, as in Parquet files; unknown types become STRING."""
    if kind.startswith("DECIMAL("):
        return Column(name=name, type="NUMERIC", length=kind[8:-1])
    if kind == "UBIGINT":
        return Column(name=name, type="NUMERIC", length="20,0")
    return Column(name=name, type="INTEGER" if kind in _INTEGERS else _BASES.get(kind, STRING))


def delta_field(column: Column) -> dict[str, Any]:
    """Return the column's field in Delta's schema."""
    kind = _DELTA.get(column.type) or f"decimal({column.length or DEFAULT_LENGTH})"
    return {"name": column.name, "type": kind, "nullable": True, "metadata": {}}


def column_of(field: Mapping[str, Any]) -> Column:
    """Return the column of a field in Delta's schema."""
    kind = str(field["type"])
    if kind.startswith("decimal("):
        return Column(name=field["name"], type="NUMERIC", length=kind[8:-1])
    return Column(name=field["name"], type=next(base for base, delta in _DELTA.items() if delta == kind))


def statistic(column: Column, text: str) -> Any:
    """Return a bound of a column's values as in Delta's log; None if it cannot be represented."""
    match column.type:
        case "STRING":
            return text
        case "INTEGER":
            return int(text)
        case "FLOAT":
            return None if text.lower() in ("nan", "inf", "-inf") else float(text)
        case "NUMERIC":
            return float(text) if len(text.strip("-0.").replace(".", "")) <= EXACT_DIGITS else None
        case "BOOLEAN":
            return None
        case "DATE":
            return text
        case _:
            return _time(text)


def _time(text: str) -> str | None:
    moment, _, _ = text.partition("+")
    date, _, time = moment.partition(" ")
    seconds, _, fraction = time.partition(".")
    return f"{date}T{seconds}.{fraction:0<6.6}Z"


def _bound(column: Column, values: Mapping[str, str], key: str) -> Any:
    """Return the `min` or `max` of a file as in Delta's log; None if it would hide rows from readers.

    NaN is greater than all numbers.
    """
    if values.get(f"{key}_is_exact") != "true" or (key == "max" and values.get("has_nan") == "true"):
        return None
    return statistic(column, values[key])


def statistics(columns: Mapping[str, Column], found: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """Return `minValues`, `maxValues` and `nullCount` of a file from DuckDB's statistics."""
    least: dict[str, Any] = {}
    most: dict[str, Any] = {}
    nulls: dict[str, int] = {}
    for quoted, values in found.items():
        column = columns.get(quoted.strip('"'))
        if column is None:
            continue
        nulls[column.name] = int(values.get("null_count") or 0)
        for bounds, key in ((least, "min"), (most, "max")):
            if (bound := _bound(column, values, key)) is not None:
                bounds[column.name] = bound
    return {"minValues": least, "maxValues": most, "nullCount": nulls}
