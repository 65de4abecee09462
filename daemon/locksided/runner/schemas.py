"""Users' JSON Schemas: the only module that knows the library behind them.

Nothing is ever fetched: a `$ref` must point into the schema itself. Messages never show a checked value,
which may be a secret or very long.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NoReturn

import jsonschema_rs

from locksided.core.errors import Invalid
from locksided.runner.fields import join

_MAX_SHOWN = 400


def check_schema(schema: Mapping[str, Any], path: str) -> None:
    """Raises `Invalid` for what is no JSON Schema or refers to another document."""
    _validator(schema, path)


def check_document(document: Any, schema: Mapping[str, Any], schema_path: str, path: str) -> None:
    """Raises `Invalid` with the path of the first value that the schema does not allow."""
    for fault, _ in document_faults(document, schema, schema_path, path):
        raise fault


def document_faults(
    document: Any, schema: Mapping[str, Any], schema_path: str, path: str
) -> Iterator[tuple[Invalid, Any]]:
    """Everything that the schema does not allow, each with the value that it does not."""
    for error in _validator(schema, schema_path).iter_errors(document):
        at = join(path, *error.instance_path)
        yield Invalid(f"{at}: {_shown(error.message)}.", path=at), _value(document, error.instance_path)


def _value(document: Any, path: Sequence[str | int]) -> Any:
    for step in path:
        document = document[step]
    return document


def _validator(schema: Mapping[str, Any], path: str) -> jsonschema_rs.Validator:
    try:
        return jsonschema_rs.validator_for(dict(schema), retriever=_refuse, mask="the value")
    except (ValueError, RecursionError) as error:
        reason = getattr(error, "message", None) or str(error)
        raise Invalid(f"{path} is no usable JSON Schema: {_shown(reason)}.", path=path) from None


def _refuse(uri: str) -> NoReturn:
    raise ValueError(f"{uri} is another document; put what it holds under $defs")


def _shown(message: str) -> str:
    line = " ".join(message.split()).rstrip(".")
    return line if len(line) <= _MAX_SHOWN else line[:_MAX_SHOWN] + "…"
