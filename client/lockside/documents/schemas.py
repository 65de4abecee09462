"""Users' JSON Schemas: the only module that uses the library for them.

Nothing is ever fetched: a `$ref` must point into the schema itself. Messages never show a checked value,
which may be a secret or very long.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from lockside.documents.paths import Steps

if TYPE_CHECKING:
    from jsonschema_rs import Validator

_MAX_SHOWN = 400


class SchemaError(ValueError):
    """It is not a JSON Schema, or refers to another document. `steps` is the path of the fault."""

    def __init__(self, message: str, steps: Steps = ()) -> None:
        super().__init__(message)
        self.steps = steps


def check_schema(schema: Mapping[str, Any]) -> None:
    """Raises SchemaError for a schema that cannot be used."""
    if schema:
        _validator(schema)


def schema_faults(document: Any, schema: Mapping[str, Any]) -> Iterator[tuple[Steps, str, Any]]:
    """Yield the faults of a document: path, message and value. Raises SchemaError."""
    for error in _validator(schema).iter_errors(document):
        value, steps = document, tuple(error.instance_path)
        for step in steps:
            value = value[step]
        yield steps, _shown(error.message), value


def _validator(schema: Mapping[str, Any]) -> "Validator":
    from jsonschema_rs import validator_for

    try:
        return validator_for(dict(schema), retriever=_refuse, mask="the value")
    except (ValueError, RecursionError) as error:
        steps = tuple(getattr(error, "instance_path", ()))
        raise SchemaError(_shown(getattr(error, "message", None) or str(error)), steps) from None


def _refuse(uri: str) -> NoReturn:
    raise ValueError(f"{uri} is another document: put its content under $defs")


def _shown(message: str) -> str:
    line = " ".join(message.split()).rstrip(".")
    return line if len(line) <= _MAX_SHOWN else line[:_MAX_SHOWN] + "…"
