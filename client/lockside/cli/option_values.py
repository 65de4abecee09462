"""Converts the values of options and arguments by their kind."""

from __future__ import annotations

from collections.abc import Callable

from lockside.documents import quantities

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


MOST = 2**53 - 1


def integer(text: str) -> int:
    """Read a whole number from 0 that the wire can represent."""
    try:
        number = int(text)
    except ValueError:
        number = -1
    if not 0 <= number <= MOST:
        raise ValueError(f"{text[:60]!r} is not a whole number from 0 to {MOST}.")
    return number


def count(text: str) -> int:
    """Read a whole number from 1."""
    if (found := integer(text)) == 0:
        raise ValueError("it must be at least 1.")
    return found


def number(text: str) -> float:
    """Read a number; the daemon checks its bounds."""
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{text[:60]!r} is not a number.") from None


def priority(text: str) -> int:
    """Read a priority; the error for a misspelt word suggests the most similar one."""
    try:
        return quantities.priority(text)
    except ValueError as error:
        from lockside.cli.grammar import suggestion

        raise ValueError(f"{error}.{suggestion(text, list(quantities.PRIORITY_WORDS))}") from None


def pair(text: str) -> tuple[str, str]:
    """Read NAME=VALUE."""
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise ValueError(f"it takes NAME=VALUE; '{text}' has no '='.")
    return name, value


def amount(text: str) -> tuple[str, int]:
    """Read NAME=N; without N it is 1."""
    name, equals, value = text.partition("=")
    return name, integer(value) if equals else 1


def dependency(text: str) -> dict[str, str]:
    """Read JOB, JOB:success, JOB:failed or JOB:final; a name may contain a colon."""
    job, _, when = text.rpartition(":")
    if job and when in {"success", "failed", "final"}:
        return {"job": job, "when": when}
    if job.isdigit():
        raise ValueError(f"it takes JOB, JOB:success, JOB:failed or JOB:final; '{text}' is none of them.")
    return {"job": text, "when": "success"}


def _sentence(read: Callable[[str], object]) -> Callable[[str], object]:
    def with_period(text: str) -> object:
        try:
            return read(text)
        except ValueError as error:
            raise ValueError(f"{error}.") from None

    return with_period


KINDS: dict[str, Callable[[str], object]] = {
    "integer": integer,
    "count": count,
    "number": number,
    "duration": _sentence(quantities.duration),
    "size": _sentence(quantities.size),
    "priority": priority,
    "label": pair,
    "variable": pair,
    "amount": amount,
    "dependency": dependency,
    "slots": _sentence(quantities.count),
}

MEMBERS: dict[str, Callable[[list[tuple[str, Any]]], object]] = {
    "label": dict,
    "amount": dict,
    "variable": lambda pairs: {"values": [{"name": name, "value": value} for name, value in pairs]},
}
"""How the values of a repeated option are combined, if not as a list."""
