"""Requests before they are sent: a method, its parameters by wire name, and the type of its result. Used by
both clients; nothing here does I/O.
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import msgspec

from lockside.documents.base import camel
from lockside.errors import ConnectionLost, LocksideError, NotUnderstood

NOT_CONVERTED = (bytes, bytearray, memoryview)
"""These types would be converted to base64 silently; instead, sending them is refused."""

T = TypeVar("T")


class Request(Generic[T]):
    """One call. `is_repeatable` means that it may be sent again if it is unknown whether it arrived."""

    __slots__ = ("is_repeatable", "method", "params", "result")

    def __init__(self, method: str, params: dict[str, Any], result: Any, is_repeatable: bool = True) -> None:
        self.method = method
        self.params = params
        self.result = result
        self.is_repeatable = is_repeatable

    def decoded(self, answer: Any) -> T:
        """Return the result as its type."""
        decoded: T = typed(answer, self.result, self.method)
        return decoded

    def given_up(self, error: LocksideError) -> LocksideError:
        """Return the error of a call that is not sent again, with the id for sending it again safely."""
        if isinstance(error, ConnectionLost):
            mark = self.params.get("deduplicationId")
            if mark is not None:
                error.data["deduplicationId"] = mark
                error.remedy = f"It may have been executed: sent again as {mark!r} it is not repeated."
            elif not self.is_repeatable:
                error.remedy = "It may have been executed; sending it again could execute it twice."
        return error


def typed(answer: Any, result: Any, method: str) -> Any:
    """Convert a method's result, or a part of it, to its type; raises NotUnderstood."""
    try:
        return msgspec.convert(answer, result)
    except msgspec.ValidationError as problem:
        raise NotUnderstood(f"The daemon's answer to {method} is not as expected: {problem}.") from None


def spelt(given: dict[str, Any]) -> dict[str, Any]:
    """Convert parameters to their names on the wire, without those that are None."""
    named = {camel(name.rstrip("_")): value for name, value in given.items() if value is not None}
    plain: dict[str, Any] = msgspec.to_builtins(named, builtin_types=NOT_CONVERTED)
    return plain
