"""Reads plain JSON objects field by field and refuses what is wrong by the field's path.

It knows no field by name and has no defaults: what is not there, or null, is None.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import isfinite
from typing import Any

from locksided.core.errors import Invalid

_PLAIN_KEY = re.compile(r"[A-Za-z_#$][A-Za-z0-9_#$-]*")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_MAX_ID = 255


def join(path: str, *keys: str | int) -> str:
    """The path of something below `path`, as in `$.retry.on[2]`."""
    for key in keys:
        path += _step(key)
    return path


@lru_cache(maxsize=1024)  # most are names of fields, asked for with every request
def _step(key: str | int) -> str:
    if isinstance(key, int):
        return f"[{key}]"
    return f".{key}" if _PLAIN_KEY.fullmatch(key) else f'["{key}"]'


def is_id(value: str) -> bool:
    """Whether it may be used as an id, and so as the name of a file or folder."""
    return len(value) <= _MAX_ID and _ID.fullmatch(value) is not None and ".." not in value


def checked_id(value: str, path: str) -> str:
    """The id itself; an id is never a path. Raises `Invalid`."""
    if is_id(value):
        return value
    shown = value if len(value) <= 60 else value[:60] + "…"
    raise Invalid(
        f"{shown!r} is no id: use letters, digits, '.', '_' and '-', beginning with a letter or digit, "
        f"no '..', at most {_MAX_ID} characters.",
        path=path,
    )


def describe(value: object) -> str:
    """The JSON type of a value, for messages."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case str():
            return "a string"
        case int() | float():
            return "a number"
        case Mapping():
            return "an object"
        case list() | tuple():
            return "a list"
        case _:
            return type(value).__name__


def wrong_type(expected: str, value: object, path: str) -> Invalid:
    """The refusal of a value of another type."""
    return Invalid(f"{path} must be {expected}, not {describe(value)}.", path=path)


def as_object(value: object, path: str) -> Mapping[str, Any]:
    """The value if it is an object. Raises `Invalid`."""
    if not isinstance(value, Mapping):
        raise wrong_type("an object", value, path)
    return value


def as_list(value: object, path: str) -> list[Any]:
    """The value if it is a list. Raises `Invalid`."""
    if not isinstance(value, list | tuple):
        raise wrong_type("a list", value, path)
    return list(value)


def as_text(value: object, path: str, max_length: int | None = None) -> str:
    """The value if it is a string of at most that length. Raises `Invalid`."""
    if not isinstance(value, str):
        raise wrong_type("a string", value, path)
    if max_length is not None and len(value) > max_length:
        raise Invalid(f"{path} has {len(value)} characters; at most {max_length} are allowed.", path=path)
    return value


def as_number(value: object, path: str, *, least: float | None = None, above: float | None = None) -> float:
    """The value if it is a finite number within the bounds. Raises `Invalid`."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise wrong_type("a number", value, path)
    if not isfinite(value):
        raise Invalid(f"{path} must be a finite number.", path=path)
    if least is not None and value < least:
        raise Invalid(f"{path} is {value}; it must be at least {least}.", path=path)
    if above is not None and value <= above:
        raise Invalid(f"{path} is {value}; it must be more than {above}.", path=path)
    return value


def as_integer(value: object, path: str, *, least: int | None = None, most: int | None = None) -> int:
    """The value if it is a whole number within the bounds. Raises `Invalid`."""
    number = as_number(value, path, least=least)
    if number != int(number):
        raise Invalid(f"{path} is {value}; it must be a whole number.", path=path)
    if most is not None and number > most:
        raise Invalid(f"{path} is {value}; it must be at most {most}.", path=path)
    return int(number)


def as_choice(value: object, choices: Iterable[str], path: str) -> str:
    """The value if it is one of the words. Raises `Invalid`."""
    words = list(choices)
    if isinstance(value, str) and value in words:
        return value
    shown = repr(value) if isinstance(value, str) and len(value) <= 60 else describe(value)
    raise Invalid(f"{path} must be one of {', '.join(words)}, not {shown}.", path=path)


def as_texts(value: object, path: str) -> list[str]:
    """The value if it is a list of strings. Raises `Invalid`."""
    return [as_text(item, join(path, index)) for index, item in enumerate(as_list(value, path))]


@dataclass(frozen=True, slots=True)
class Fields:
    """One object and where it stands; every reader gives None for a field that is missing or null."""

    values: Mapping[str, Any]
    path: str = "$"

    @classmethod
    def read(cls, value: object, path: str) -> "Fields":
        """The object at that path; missing, null and `[]` (PHP's `{}`) are empty. Raises `Invalid`."""
        return cls({} if value is None or value == [] else as_object(value, path), path)

    def at(self, name: str) -> str:
        """The path of a field."""
        return join(self.path, name)

    def get(self, name: str) -> Any:
        """The value of a field, unchecked."""
        return self.values.get(name)

    def object(self, name: str) -> "Fields":
        """The object in a field; empty when it is missing."""
        return Fields.read(self.get(name), self.at(name))

    def list(self, name: str) -> list[Any]:
        """The list in a field; empty when it is missing."""
        value = self.get(name)
        return [] if value is None else as_list(value, self.at(name))

    def text(self, name: str, max_length: int | None = None) -> str | None:
        """The string in a field."""
        value = self.get(name)
        return None if value is None else as_text(value, self.at(name), max_length)

    def id(self, name: str) -> str | None:
        """The id in a field."""
        value = self.text(name)
        return None if value is None else checked_id(value, self.at(name))

    def flag(self, name: str) -> bool | None:
        """The boolean in a field."""
        value = self.get(name)
        if value is None or isinstance(value, bool):
            return value
        raise wrong_type("a boolean", value, self.at(name))

    def choice(self, name: str, choices: Iterable[str]) -> str | None:
        """The word in a field."""
        value = self.get(name)
        return None if value is None else as_choice(value, choices, self.at(name))

    def refuse_unknown(self, known: Collection[str]) -> None:
        """Raises `Invalid` for the first field that is not one of the known ones."""
        for name in self.values:
            if name not in known:
                raise Invalid(
                    f"{self.at(name)} is unknown. Known fields: {', '.join(sorted(known))}.",
                    path=self.at(name),
                )
