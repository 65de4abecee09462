"""The spelling of Keboola's files, which is accepted: `[]` for an empty object, numbers for ids,
`componentId`.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from lockside.documents.paths import Steps

_CIPHER: Final = re.compile(r"KBC::\w+::")
_OBJECTS = ("parameters", "storage", "processors", "runtime", "variables", "authorization", "artifacts")
_OBJECTS_OF_PARTS = ("backend", "limits", "behavior", "variableValuesData", "parameters", "configData")
_SPELT = frozenset(("runtime", "phases", "tasks"))
FOREIGN = {"componentId": "component", "configId": "config"}


def own_spelling(body: Mapping[str, Any]) -> Mapping[str, Any]:
    if not any(value == [] or name in _SPELT for name, value in body.items()):
        return body
    plain = _objects_for_empty_lists(body, _OBJECTS)
    if isinstance(plain.get("runtime"), dict):
        plain["runtime"] = _objects_for_empty_lists(plain["runtime"], _OBJECTS_OF_PARTS)
    for name in ("phases", "tasks"):
        if isinstance(plain.get(name), list):
            plain[name] = [_own_part(part) for part in plain[name]]
    return plain


def _objects_for_empty_lists(body: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """PHP does not distinguish empty objects from empty lists, so its files have `[]` instead of `{}`."""
    return {**body, **{name: {} for name in names if body.get(name) == []}}


def _own_part(part: Any) -> Any:
    if not isinstance(part, dict):
        return part
    part = _objects_for_empty_lists(part, _OBJECTS_OF_PARTS)
    if isinstance(part.get("task"), dict):
        task = _objects_for_empty_lists(part["task"], _OBJECTS_OF_PARTS)
        for foreign, own in FOREIGN.items():
            if foreign in task and own not in task:
                task[own] = str(task[foreign]) if type(task[foreign]) is int else task[foreign]
        part["task"] = task
    return part


def foreign_values(document: Any) -> Iterator[tuple[Steps, str]]:
    """Yield the values that only another system can decrypt, with a sentence about each."""
    left: list[tuple[Steps, Any]] = [((), document)]
    while left:
        steps, value = left.pop()
        if isinstance(value, str) and _CIPHER.match(value):
            yield steps, "It is encrypted by Keboola and cannot be decrypted here: put the value itself here"
        members = value.items() if isinstance(value, dict) else ()
        items = enumerate(value) if isinstance(value, list) else ()
        left += reversed([((*steps, step), inner) for step, inner in (*members, *items)])
