"""Rewords errors of the daemon in terms of the command line: options instead of fields of the wire."""

from __future__ import annotations

import re

from lockside.cli.grammar import Argument, Option, Parsed
from lockside.documents.paths import steps_of
from lockside.errors import LocksideError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

OWN_PLACE = r"^(?:`[^` ]+`|\$\S*): "
"""The start of a message that names its field."""
_OPTIONS = {
    "changeDescription": "message",
    "configRowIds": "row",
    "delayedStartTime": "delay",
    "dependsOn": "depends",
    "labels": "label",
    "memoryBytes": "memory",
    "numbers": "record",
    "options": "option",
    "timeoutSeconds": "timeout",
    "variableValuesData": "set",
}


def in_typed_words(parsed: Parsed, error: LocksideError) -> LocksideError:
    """Replace the field in an error by the option or argument it came from; omit it if it was not typed."""
    fields = [str(step) for step in steps_of(error.path or "$")]
    option = next((one for field in fields if (one := _typed(parsed, field))), None)
    argument = _argument(parsed, fields) if re.match(OWN_PLACE, error.message) else None
    word = _flag(option, fields) if option else argument
    if word is not None:
        error.message = f"{word}: {re.sub(OWN_PLACE, '', error.message)}"
    if word is not None or len(fields) == 1:
        error.data.pop("path", None)
    return error


def _typed(parsed: Parsed, field: str) -> Option | None:
    name = _OPTIONS.get(field, field)
    options = parsed.command.options if parsed.command else ()
    return next((one for one in options if name in _names(one) and _is_given(parsed, one)), None)


def _flag(option: Option, fields: Sequence[str]) -> str:
    """Return the option; for a repeatable NAME=VALUE option, also the name."""
    at = next(place for place, field in enumerate(fields) if _OPTIONS.get(field, field) in _names(option))
    return " ".join([option.flags[-1], *(fields[at + 1 : at + 2] if option.kind == "label" else ())])


def _argument(parsed: Parsed, fields: Sequence[str]) -> str | None:
    """Return the argument for a field, or for the list that contains it."""
    field, *below = fields or ("",)
    arguments = parsed.command.arguments if parsed.command else ()
    is_whole = not below or below[0].isdigit()
    return next((one.metavar for one in arguments if is_whole and field in _names(one)), None)


def _names(one: Option | Argument) -> tuple[str, str]:
    return one.name, one.member.rpartition(".")[2]


def _is_given(parsed: Parsed, option: Option) -> bool:
    value = parsed.values.get(option.name)
    return value is not None and value is not False and value != []
