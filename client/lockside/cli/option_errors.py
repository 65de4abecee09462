"""Tells a refusal of the daemon in the words that were typed: options instead of fields of the wire."""

from __future__ import annotations

import re

from lockside.cli.grammar import Argument, Option, Parsed
from lockside.documents.paths import steps_of
from lockside.errors import LocksideError

OWN_PLACE = r"^(?:`[^` ]+`|\$\S*): "
"""How a message begins that names its field itself."""
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
    """Name the option or argument that a field came from. A field that was not typed is not named."""
    steps = steps_of(error.path or "$")
    typed = next((one for step in steps if (one := _typed(parsed, str(step)))), None)
    has_place = re.match(OWN_PLACE, error.message)
    if isinstance(typed, Option) or (typed and has_place):
        word = typed.flags[-1] if isinstance(typed, Option) else typed.metavar
        error.message = f"{word}: {re.sub(OWN_PLACE, '', error.message)}"
    if typed is not None or len(steps) == 1:
        error.data.pop("path", None)
    return error


def _typed(parsed: Parsed, field: str) -> Option | Argument | None:
    name = _OPTIONS.get(field, field)
    command = parsed.command
    given: list[Option | Argument] = [*command.options, *command.arguments] if command else []
    return next((one for one in given if name in _names(one) and _is_given(parsed, one)), None)


def _names(one: Option | Argument) -> tuple[str, str]:
    return one.name, one.member.rpartition(".")[2]


def _is_given(parsed: Parsed, one: Option | Argument) -> bool:
    value = parsed.values.get(one.name)
    return value is not None and value != []
