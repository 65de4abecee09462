"""Writes readable TOML: plain values first, then tables, long texts over several lines. Pure. The text reads
back equal. TOML has no null: `can_be_toml` says whether a value can be written.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

Json = dict[str, Any]

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_MOST = 2**63
_LONGEST = 100
_INLINE_FROM = 3
_LONG_TEXT = 10_000


def can_be_toml(value: Any) -> bool:
    """Return whether TOML can represent a value with everything in it."""
    match value:
        case None:
            return False
        case bool() | float():
            return True
        case int():
            return -_MOST <= value < _MOST
        case str():
            return _is_text(value)
        case list():
            return all(map(can_be_toml, value))
        case dict():
            return all(_is_text(name) and can_be_toml(each) for name, each in value.items())
        case _:
            return False


def _is_text(text: str) -> bool:
    """Return whether a text has no half surrogate pair, which no file can contain."""
    return text.isascii() or not any("\ud800" <= char <= "\udfff" for char in text)


def toml_text(document: Json) -> str:
    """Return the text of a document."""
    return "\n".join(_table((), document)).strip("\n") + "\n"


def _table(path: Sequence[str], table: Json) -> Iterator[str]:
    plain = {name: value for name, value in table.items() if not _is_table_like(value, len(path) + 1)}
    for name, value in plain.items():
        yield f"{_key(name)} = {_value(value)}"
    for name, value in table.items():
        if name in plain:
            continue
        below = (*path, name)
        if isinstance(value, list):
            for item in value:
                yield from ("", f"[[{_keys(below)}]]", *_table(below, item))
        else:
            yield from _headed(below, value)


def _headed(path: Sequence[str], table: Json) -> Iterator[str]:
    """Yield a table with its header; a table that has only tables needs none."""
    if not table or not all(_is_table_like(value, len(path) + 1) for value in table.values()):
        yield from ("", f"[{_keys(path)}]")
    yield from _table(path, table)


def _is_table_like(value: Any, depth: int) -> bool:
    """Return whether a value gets its own header; at a greater depth short values are inline."""
    if not isinstance(value, dict) and not _is_list_of_tables(value):
        return False
    return depth < _INLINE_FROM or not _is_short(value)


def _is_list_of_tables(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(each, dict) for each in value)


def _is_short(value: Any) -> bool:
    if _room_after(value, _LONGEST) < 0:
        return False
    line = inline(value)
    return len(line) <= _LONGEST and "\\n" not in line


def _room_after(value: Any, room: int) -> int:
    """Return an upper bound of the room left on a line; values that are clearly too long are not scanned."""
    match value:
        case str():
            return room - len(value)
        case list() | dict():
            for each in value.values() if isinstance(value, dict) else value:
                room = _room_after(each, room - 1)
                if room < 0:
                    break
            return room
        case _:
            return room


def _keys(path: Sequence[str]) -> str:
    return ".".join(map(_key, path))


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _quoted(name)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _value(value: Any) -> str:
    match value:
        case str():
            return _text(value)
        case list():
            return _list(value)
        case _:
            return inline(value)


def inline(value: Any) -> str:
    """Return a value on one line, of any length."""
    match value:
        case str():
            return _quoted(value)
        case list():
            return f"[{', '.join(map(inline, value))}]"
        case dict():
            members = ", ".join(f"{_key(name)} = {inline(each)}" for name, each in value.items())
            return f"{{ {members} }}" if members else "{}"
        case bool():
            return "true" if value else "false"
        case _:
            return repr(value)


def _list(values: list[Any]) -> str:
    if _room_after(values, _LONGEST) >= 0 and len(line := inline(values)) <= _LONGEST:
        return line
    return "[\n" + "".join(f"    {inline(value)},\n" for value in values) + "]"


def _text(text: str) -> str:
    # The standard library reads texts with escapes character by character, so long texts are literals.
    is_long = len(text) > _LONG_TEXT
    if _CONTROL.search(text):
        return _quoted(text)
    if "\n" not in text:
        return f"'{text}'" if is_long and "'" not in text else _quoted(text)
    if ("\\" in text or is_long) and "'''" not in text and not text.endswith("'"):
        return f"'''\n{text}'''"
    escaped = text.replace("\\", "\\\\").replace('"""', '""\\"')
    if escaped.endswith('"'):
        escaped = escaped[:-1] + '\\"'
    return f'"""\n{escaped}"""'
