"""The descriptions of the members of the wire's types, read from the `Attributes:` of their docstrings.

A member without a description has that of the types in `same_as`, then that of a base class. The entries of a
list need none.
"""

import inspect
import re
from functools import cache

from lockside.documents.base import Document, ListPage

_ATTRIBUTES = "\nAttributes:\n"
_MEMBER = re.compile(r"^    (\w+): ", re.MULTILINE)


def summary(kind: type) -> str:
    """Return the docstring before its attributes, with one line per paragraph."""
    text = inspect.cleandoc(vars(kind).get("__doc__") or "").partition(_ATTRIBUTES)[0].strip()
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))


@cache
def sentences(kind: type) -> dict[str, str]:
    """Return the description of each member, by its Python name."""
    members = kind.__struct_fields__ if issubclass(kind, ListPage) else ()
    entries = {name: f"The {name}." for name in members}
    return entries | _own(Document) | _special(kind)


def _special(kind: type) -> dict[str, str]:
    found: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        if base is Document:
            continue
        for other in vars(base).get("same_as", ()):
            found |= _special(other)
        found |= _own(base)
    return found


def _own(kind: type) -> dict[str, str]:
    text = inspect.cleandoc(vars(kind).get("__doc__") or "").partition(_ATTRIBUTES)[2]
    _, *parts = _MEMBER.split(text)
    return {name: " ".join(said.split()) for name, said in zip(parts[::2], parts[1::2], strict=True)}
