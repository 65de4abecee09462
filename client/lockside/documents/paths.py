"""Paths of fields in documents, as in faults and errors: `$.retry.on[2]`, `$.tags["1.1"].limits`."""

import json
import re
from collections.abc import Iterator
from math import isfinite
from typing import Any, Final

Steps = tuple[str | int, ...]

_PLAIN_KEY: Final = re.compile(r"[A-Za-z_#$][A-Za-z0-9_#$-]*")
_STEP: Final = re.compile(
    r"""\.?(?P<name>[^.\[\]]+)|\[(?P<place>\d+)\]|\[(?P<odd>"(?:[^"\\]|\\.)*")\]|\[(?P<any>)[^\]]*\]"""
)


def join(path: str, *steps: str | int) -> str:
    """Return the path of a member below `path`."""
    for step in steps:
        if isinstance(step, int):
            path += f"[{step}]"
        else:
            path += f".{step}" if _PLAIN_KEY.fullmatch(step) else f"[{json.dumps(step, ensure_ascii=False)}]"
    return path


def steps_of(path: str) -> Steps:
    """Return the keys and indexes of a path; `[...]`, which stands for an unknown key, is omitted."""
    steps: list[str | int] = []
    for found in _STEP.finditer(path.removeprefix("$")):
        if found["place"] is not None:
            steps.append(int(found["place"]))
        elif found["odd"] is not None:
            steps.append(json.loads(found["odd"]))
        elif found["name"] is not None:
            steps.append(found["name"])
    return tuple(steps)


def not_finite(document: Any) -> Iterator[Steps]:
    """Yield the paths of numbers that JSON cannot represent: NaN and the infinities."""
    left: list[tuple[Steps, Any]] = [((), document)]
    while left:
        steps, value = left.pop()
        if isinstance(value, float) and not isfinite(value):
            yield steps
        members = value.items() if isinstance(value, dict) else ()
        items = enumerate(value) if isinstance(value, list) else ()
        left += [((*steps, step), inner) for step, inner in (*members, *items)]


def not_json(document: Any) -> Iterator[tuple[Steps, str]]:
    """Yield the paths of values that JSON cannot represent, with what is wrong with each."""
    for steps in not_finite(document):
        yield steps, "It is not a finite number"
    for steps, text in _texts(document):
        if not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text):
            yield steps, "It has half of a surrogate pair, which is not valid text"


def _texts(document: Any) -> Iterator[tuple[Steps, str]]:
    left: list[tuple[Steps, Any]] = [((), document)]
    while left:
        steps, value = left.pop()
        if isinstance(value, str):
            yield steps, value
        members = value.items() if isinstance(value, dict) else ()
        items = enumerate(value) if isinstance(value, list) else ()
        left += [((*steps, step), inner) for step, inner in (*members, *items)]


_PLACES: Final = re.compile(r"(?: - at `[^`]*`)+$")


def split_problem(text: str) -> tuple[str, str]:
    """Return the message of a validation error, and the path at its end, joined."""
    found = _PLACES.search(text)
    if found is None:
        return text, "$"
    parts = re.findall(r"`([^`]*)`", found[0])
    path = "".join(reversed(parts))
    return text[: found.start()], path if path.startswith("$") else f"${path}"
