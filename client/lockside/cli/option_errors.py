"""Tells a refusal of the daemon in the words that were typed: options instead of fields of the wire."""

from __future__ import annotations

import re

from lockside.cli.grammar import Parsed
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
    "timeoutSeconds": "timeout",
    "variableValuesData": "set",
}


def in_typed_words(parsed: Parsed, error: LocksideError) -> LocksideError:
    """Name the option that a field came from. A field of the request that was not typed is not named."""
    steps = steps_of(error.path or "$")
    option = next((name for step in steps if (name := _typed(parsed, str(step)))), None)
    if option is not None:
        error.message = f"--{option.replace('_', '-')}: {re.sub(OWN_PLACE, '', error.message)}"
    if option is not None or len(steps) == 1:
        error.data.pop("path", None)
    return error


def _typed(parsed: Parsed, field: str) -> str | None:
    name = _OPTIONS.get(field, field)
    options = parsed.command.options if parsed.command else ()
    return name if any(option.name == name for option in options) and parsed.values.get(name) else None
