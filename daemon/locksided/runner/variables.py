"""Fills `{{ name }}` in a configuration's texts. Keys, numbers and everything else stay as they are."""

import re
from collections.abc import Iterable, Mapping, Sequence
from types import NoneType
from typing import Any

from locksided.core.errors import Invalid
from locksided.keeper.strictjson import MAX_DOCUMENT_DEPTH
from locksided.runner.fields import Fields, as_text, describe, join

_PLACE = re.compile(r"\{\{\s*(#?[A-Za-z_][A-Za-z0-9_.-]*)\s*\}\}")
_LEAVES = (str, int, float, NoneType)
_INNER = (dict, list, tuple, Mapping)


def values_of(pairs: Sequence[Any], path: str) -> dict[str, str]:
    """The variables of a list of `{name, value}`, later ones winning. Raises `Invalid`."""
    values: dict[str, str] = {}
    for index, pair in enumerate(pairs):
        fields = Fields.read(pair, join(path, index))
        fields.refuse_unknown(("name", "value"))
        name = as_text(fields.get("name"), fields.at("name"))
        if not _PLACE.fullmatch("{{" + name + "}}"):
            raise Invalid(f"{name[:60]!r} is no name of a variable.", path=fields.at("name"))
        values[name] = as_value(fields.get("value"), fields.at("value"))
    return values


def variables_of(data: Fields, stored: Mapping[str, Any] | None, defaults: Fields) -> dict[str, str]:
    """Every variable's value: the request's, else the stored set's, else the default. Raises `Invalid`."""
    data.refuse_unknown(("values",))
    stored_values = [] if stored is None else stored.get("values") or []
    return {
        **_defaults(defaults),
        **values_of(stored_values, "$.variables.values"),
        **values_of(data.list("values"), data.at("values")),
    }


def _defaults(defaults: Fields) -> dict[str, str]:
    return {
        name: as_value(value, defaults.at(name))
        for name, value in defaults.values.items()
        if value is not None
    }


def as_value(value: object, path: str) -> str:
    """A variable's value as the text that is filled in. Raises `Invalid`."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return value
        case int() | float():
            return str(value)
        case _:
            raise Invalid(
                f"{path} must be a string, a number or a boolean, not {describe(value)}.", path=path
            )


def names_in(document: object) -> list[str]:
    """The names of all variables in a document's texts, each once, in their order."""
    found: dict[str, None] = {}
    for text in _texts(document, 0):
        found.update(dict.fromkeys(_PLACE.findall(text)))
    return list(found)


def filled(document: Any, values: Mapping[str, str]) -> Any:
    """The document with its variables filled; those without a value are left standing."""
    match document:
        case str():
            return _PLACE.sub(lambda place: values.get(place[1], place[0]), document)
        case dict() | Mapping():
            return {key: filled(value, values) for key, value in document.items()}
        case list() | tuple():
            return [filled(value, values) for value in document]
        case _:
            return document


def refuse_deep(document: object, path: str) -> None:
    """Raises `Invalid` for a document that is nested deeper than anybody writes by hand."""
    if _depth_exceeds(document, MAX_DOCUMENT_DEPTH):
        raise Invalid(f"{path} is nested deeper than {MAX_DOCUMENT_DEPTH} levels.", path=path)


def _depth_exceeds(document: object, left: int) -> bool:
    """Level by level, so that no depth is too much for it and a plain text costs next to nothing."""
    level = _with_inside([document])
    for _ in range(left):
        if not level:
            return False
        level = [found for outer in level for found in _with_inside(_inside(outer))]
    return bool(level)


def _inside(document: Any) -> Iterable[object]:
    return document.values() if isinstance(document, Mapping) else document


def _with_inside(values: Iterable[object]) -> list[object]:
    return [value for value in values if not isinstance(value, _LEAVES) and isinstance(value, _INNER)]


def _texts(document: object, depth: int) -> Iterable[str]:
    match document:
        case str():
            yield document
        case Mapping():
            for value in document.values():
                yield from _texts(value, depth + 1)
        case list() | tuple():
            for value in document:
                yield from _texts(value, depth + 1)
