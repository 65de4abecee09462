"""A plan as a diff for people: + is added, - is removed, ~ changes from old to new. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from difflib import unified_diff
from typing import Any

from lockside.kinds import KINDS

Json = dict[str, Any]

_LONGEST = 72
_SIGNS = {"create": ("+", "green"), "change": ("~", "yellow"), "delete": ("-", "red")}
_DONE = {"create": "created", "change": "changed", "delete": "deleted"}
_TO_DO = {"create": "to create", "change": "to change", "delete": "to delete"}


def lines(changes: Sequence[Json]) -> Iterator[tuple[str, str]]:
    """Yield the lines of a plan, each with its colour."""
    for change in changes:
        sign, colour = _SIGNS[change["action"]]
        yield colour, f"{sign} {title(change)}"
        yield from fields(change["fields"])


def fields(changed: Sequence[Json]) -> Iterator[tuple[str, str]]:
    """Yield the lines of changed fields, each with its colour."""
    for field in changed:
        yield from _field(field)


def title(change: Json) -> str:
    """Return the name of the object."""
    kind = KINDS[change["kind"]]
    word = kind.word if " " in kind.title else kind.title
    return f"{word} {'/'.join(filter(None, (change.get('component'), change['id'])))}"


def counts(plan: Json, *, past: bool = False) -> str:
    """Return the numbers of changes, planned or made."""
    words = _DONE if past else _TO_DO
    found = [
        f"{count} {word}"
        for action, word in words.items()
        if (count := sum(change["action"] == action for change in plan["changes"]))
    ]
    return ", ".join(found) or "nothing to do"


def _field(field: Json) -> Iterator[tuple[str, str]]:
    path = field["path"]
    secret = _is_secret(path)
    if field.get("isLong"):
        yield "yellow", f"    ~ {path}: too long to show in a plan of this size"
    elif "old" not in field:
        yield "green", f"    + {path}: {_short(field['new'], secret)}"
    elif "new" not in field:
        yield "red", f"    - {path}: {_short(field['old'], secret)}"
    elif not secret and _is_long(field["old"]) and _is_long(field["new"]):
        yield "yellow", f"    ~ {path}:"
        yield from _text_lines(field["old"], field["new"])
    else:
        old, new = _short(field["old"], secret), _short(field["new"], secret)
        yield "yellow", f"    ~ {path}: {old} -> {new}"


def _is_secret(path: str) -> bool:
    return any(step.startswith("#") for step in path.replace('["', ".").split("."))


def _is_long(value: Any) -> bool:
    return isinstance(value, str) and "\n" in value


def _text_lines(old: str, new: str) -> Iterator[tuple[str, str]]:
    """Yield the lines of a long text that differ."""
    for line in list(unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=1))[2:]:
        colour = {"+": "green", "-": "red", "@": "dim"}.get(line[:1], "")
        yield colour, f"        {line}"


def _short(value: Any, secret: bool) -> str:
    if secret:
        return "[hidden]"
    text = json.dumps(_without_secrets(value), ensure_ascii=False)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _without_secrets(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: "[hidden]" if name.startswith("#") else _without_secrets(each)
            for name, each in value.items()
        }
    return [_without_secrets(each) for each in value] if isinstance(value, list) else value
