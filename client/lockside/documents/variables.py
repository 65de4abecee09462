"""Variables: their values, and `{{ name }}` filled in texts. Keys and numbers are not changed."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any

from msgspec import Meta

from lockside.documents.base import In, Text, VariableName, VariablesId

PLACE = re.compile(r"\{\{\s*(#?[A-Za-z_][A-Za-z0-9_.-]*)\s*\}\}")

Scalar = str | int | float | bool


class VariableValue(In, frozen=True, kw_only=True):
    """The name and value of a variable.

    Attributes:
        name: The variable's name, as in `{{ name }}`.
        value: The value.
    """

    name: VariableName
    value: Text | int | float | bool


class VariableValues(In, frozen=True, kw_only=True):
    """Values of variables.

    Attributes:
        values: The names and values; for a repeated name the last value counts.
    """

    values: Annotated[list[VariableValue], Meta(max_length=1000)] = []


class VariablesSpec(In, frozen=True, kw_only=True):
    """A named set of variables.

    Attributes:
        id: The set's id; in a file, the file's name.
    """

    id: VariablesId
    values: Annotated[list[VariableValue], Meta(max_length=1000)] = []


def texts_of(values: Iterable[VariableValue]) -> dict[str, str]:
    """Return the text of each variable; for a repeated name the last."""
    return {one.name: text_of(one.value) for one in values}


def defaults_of(variables: Mapping[str, Scalar | None]) -> dict[str, str]:
    """Return the texts of a configuration's own variables, without those that are null."""
    return {name: text_of(value) for name, value in variables.items() if value is not None}


def text_of(value: Scalar) -> str:
    """Return the text that is filled in for a value."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def names_in(document: object) -> list[str]:
    """Return the names of all variables in a document's texts, without duplicates, in order."""
    found: dict[str, None] = {}
    for text in _texts(document):
        found.update(dict.fromkeys(PLACE.findall(text)))
    return list(found)


def filled(document: Any, values: Mapping[str, str]) -> Any:
    """Return the document with its variables filled in; those without a value are left."""
    match document:
        case str():
            return PLACE.sub(lambda place: values.get(place[1], place[0]), document)
        case dict():
            return {key: filled(value, values) for key, value in document.items()}
        case list():
            return [filled(value, values) for value in document]
        case _:
            return document


def _texts(document: object) -> Iterator[str]:
    match document:
        case str():
            yield document
        case Mapping():
            for value in document.values():
                yield from _texts(value)
        case list() | tuple():
            for value in document:
                yield from _texts(value)
