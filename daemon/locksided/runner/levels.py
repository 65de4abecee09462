"""The levels at which a runtime value may be named, nearest first, and the first one that names it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from locksided.runner.fields import Fields


@dataclass(frozen=True, slots=True)
class Named:
    """A value and the path where it was found."""

    value: Any
    path: str


def first_named(levels: Sequence[Fields], name: str) -> Named | None:
    """The value of the first level that names the field; null names nothing, zero and empty do."""
    for level in levels:
        value = level.get(name)
        if value is not None:
            return Named(value, level.at(name))
    return None
