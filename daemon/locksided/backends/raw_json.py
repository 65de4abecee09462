"""Splits a JSON text into raw parts without decoding them, so that an invalid part does not affect others."""

import json
import re

from locksided.keeper.strictjson import STRINGS

_TOKENS = re.compile(STRINGS.pattern + rb"|[\[\]{},]", re.DOTALL)


class NotWhole(ValueError):
    """The text is not an object or list, or a part of it is missing."""


def members(text: bytes) -> dict[str, bytes]:
    """Return the raw values of an object by their names. Raises NotWhole."""
    if not text.lstrip().startswith(b"{"):
        raise NotWhole("an object is expected")
    found = {}
    for part in _parts(text.strip()):
        name = STRINGS.match(part)
        if name is None:
            raise NotWhole("a member without a name")
        found[_text(name[0])] = part[name.end() :].lstrip().removeprefix(b":").strip()
    return found


def items(text: bytes) -> list[bytes]:
    """Return the raw items of a list. Raises NotWhole."""
    if not text.lstrip().startswith(b"["):
        raise NotWhole("a list is expected")
    return _parts(text.strip())


def _parts(text: bytes) -> list[bytes]:
    """Return the texts between the commas of the outermost brackets."""
    parts, depth, start = [], 0, 1
    for token in _TOKENS.finditer(text):
        if token[0] in (b"[", b"{"):
            depth += 1
        elif token[0] in (b"]", b"}"):
            depth -= 1
        if depth == 0 or (depth == 1 and token[0] == b","):
            parts.append(text[start : token.start()].strip())
            start = token.end()
        if depth == 0:
            break
    if depth or start != len(text):
        raise NotWhole("it does not end where it should")
    return parts if parts != [b""] else []


def _text(name: bytes) -> str:
    try:
        return str(json.loads(name))
    except ValueError as error:
        raise NotWhole("a member without a name") from error
