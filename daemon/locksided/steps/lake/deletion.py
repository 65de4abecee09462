"""The rules of `delete_where`, the rows that a load deletes before it adds its own, as an SQL condition."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from lockside.documents.storage import ColumnValues, DeleteFilter, DeleteRule, OutputTable
from locksided.steps.lake.engine import literal
from locksided.steps.lake.text_values import as_text, micros_of, moment_of, plain
from locksided.steps.program import UserFault
from locksided.tables.names import TIMESTAMP
from locksided.tables.orders import Column, column_named

NOTHING = "false"


ValuesOf = Callable[[ColumnValues], str]
"""Returns the query for the values of a column of a table, as strings."""


def deleted_rows(
    mappings: Iterable[OutputTable], columns: Sequence[Column], now_us: int, values_of: ValuesOf
) -> str:
    """Return the condition for the rows to delete. Raises UserFault if a rule is invalid."""
    rules = [rule for mapping in mappings for rule in _rules(mapping)]
    return " OR ".join(f"({_condition(rule, columns, now_us, values_of)})" for rule in rules) or NOTHING


def _rules(mapping: OutputTable) -> Iterator[DeleteRule]:
    yield from mapping.delete_where
    if mapping.delete_where_column:
        values = DeleteFilter(
            column=mapping.delete_where_column,
            operator=mapping.delete_where_operator,
            values_from_set=mapping.delete_where_values or [],
        )
        yield DeleteRule(where_filters=[values])


def _condition(rule: DeleteRule, columns: Sequence[Column], now_us: int, values_of: ValuesOf) -> str:
    parts = [_filter(one, columns, values_of) for one in rule.where_filters]
    for text, operator in ((rule.changed_since, ">="), (rule.changed_until, "<")):
        moment = moment_of(text or "", now_us)
        if moment is not None:
            parts.append(f"{TIMESTAMP} {operator} make_timestamptz({micros_of(moment)})")
    return " AND ".join(parts) or "true"


def _filter(one: DeleteFilter, columns: Sequence[Column], values_of: ValuesOf) -> str:
    column = column_named(columns, one.column)
    if column is None:
        raise UserFault(f'it has no column "{one.column}".')
    if one.values_from_storage is not None:
        found = f"coalesce({as_text(column)}, '') IN ({values_of(one.values_from_storage)})"
        return found if one.operator == "eq" else f"NOT ({found})"
    if one.values_from_set is None:
        raise UserFault(f'the filter of column "{one.column}" has no values_from_set.')
    return is_one_of(column, [plain(value) for value in one.values_from_set], is_wanted=one.operator == "eq")


def is_one_of(column: Column, values: Sequence[str], *, is_wanted: bool) -> str:
    """Return the condition that a column's value, as a string, is one of the values, or none of them."""
    listed = ", ".join(map(literal, values))
    found = f"coalesce({as_text(column)}, '') IN ({listed})" if values else "false"
    return found if is_wanted else f"NOT ({found})"
