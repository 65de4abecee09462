"""Secrets in documents: their location and the format of their cipher texts. Nothing is encrypted here.

A secret is the value of a key that begins with `#`, or of `{"name": "#…", "value": …}`, where it can also be
a `default`: any JSON value except null and the empty text. Everything below a secret is part of it. The
schema of a secret in a component's JSON Schema is not a secret itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

MARK = "#"
PREFIX = "lockside:v1:"
HIDDEN = "[hidden]"
"""Replaces a secret that is not shown."""

_FORM = re.compile(r"lockside:v1:(?P<scope>[a-z]+):(?P<key_id>[0-9a-f]{8}):(?P<token>[A-Za-z0-9_=-]+)")

Steps = tuple["str | int", ...]


class Secret(NamedTuple):
    """A secret in a document: the steps to it, the name that begins with `#`, and the value."""

    steps: Steps
    name: str
    value: Any


class CipherText(NamedTuple):
    """The parts of a cipher text."""

    scope: str
    key_id: str
    token: str

    def __str__(self) -> str:
        return f"{PREFIX}{self.scope}:{self.key_id}:{self.token}"


def is_cipher(value: Any) -> bool:
    """Return whether a value has the prefix of a cipher text."""
    return isinstance(value, str) and value.startswith(PREFIX)


def parsed(text: str) -> CipherText | None:
    """Return the parts of a cipher text; None for a malformed text."""
    found = _FORM.fullmatch(text)
    return None if found is None else CipherText(found["scope"], found["key_id"], found["token"])


def may_have_secrets(text: bytes) -> bool:
    """Return whether there can be a secret in a JSON text. False is certain."""
    return b'"#' in text


def may_have_ciphers(text: bytes) -> bool:
    """Return whether there can be a cipher text in a JSON text. False is certain."""
    return b'"lockside:v1:' in text


def replaced(document: Any, change: Callable[[Secret], Any]) -> Any:
    """Return the document with every secret replaced by the result of `change`; other values are shared."""
    return _replaced(document, change, ())


def hidden(document: Any) -> Any:
    """Return the document with every secret hidden."""
    return replaced(document, lambda _: HIDDEN)


def shown(document: Any) -> Any:
    """Return the document for users who may change it: only secrets that are not encrypted are hidden."""
    return replaced(document, lambda one: one.value if is_cipher(one.value) else HIDDEN)


def _replaced(value: Any, change: Callable[[Secret], Any], steps: Steps) -> Any:
    if isinstance(value, Mapping):
        names = {} if _is_of_schemas(value, steps) else _secrets_of(value)
        return {
            key: _changed(Secret((*steps, key), names[key], inner), change)
            if key in names
            else _replaced(inner, change, (*steps, key))
            for key, inner in value.items()
        }
    if isinstance(value, list | tuple):
        return [_replaced(inner, change, (*steps, place)) for place, inner in enumerate(value)]
    return value


def _secrets_of(value: Mapping[str, Any]) -> dict[str, str]:
    """Return the members of an object that are secrets, with the names that begin with `#`."""
    found = {key: key for key in value if key.startswith(MARK)}
    name = value.get("name")
    if isinstance(name, str) and name.startswith(MARK):
        found |= {key: name for key in ("value", "default") if key in value}
    return found


def _is_of_schemas(value: Mapping[str, Any], steps: Steps) -> bool:
    """Return whether these are the properties of a component's JSON Schema, each with its own schema."""
    is_schema = steps[:1] in (("schema",), ("rowSchema",)) and steps[-1] == "properties"
    return is_schema and all(isinstance(one, Mapping | bool) for one in value.values())


def _changed(secret: Secret, change: Callable[[Secret], Any]) -> Any:
    return secret.value if secret.value in (None, "") else change(secret)
