"""What a call is before anybody sends it: a method, its parameters by wire name, and the type of its answer.

Both clients share these; nothing here does I/O.
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import msgspec

from lockside.documents.base import camel
from lockside.errors import ConnectionLost, LocksideError, NotUnderstood

NOT_CONVERTED = (bytes, bytearray, memoryview)
"""They would become base64, which nobody asked for; so they are refused when they are sent."""

T = TypeVar("T")


class Request(Generic[T]):
    """One call. `is_repeatable` tells that it may be sent again when nobody knows whether it arrived."""

    __slots__ = ("is_repeatable", "method", "params", "result")

    def __init__(self, method: str, params: dict[str, Any], result: Any, is_repeatable: bool = True) -> None:
        self.method = method
        self.params = params
        self.result = result
        self.is_repeatable = is_repeatable

    def decoded(self, answer: Any) -> T:
        """Give the answer as its type."""
        decoded: T = typed(answer, self.result, self.method)
        return decoded

    def given_up(self, error: LocksideError) -> LocksideError:
        """Give the error of a call that is not sent again, with the id under which it can still be."""
        if isinstance(error, ConnectionLost):
            mark = self.params.get("deduplicationId")
            if mark is not None:
                error.data["deduplicationId"] = mark
                error.remedy = f"Nobody knows whether it was done: sent again as {mark!r} it is done once."
            elif not self.is_repeatable:
                error.remedy = "Nobody knows whether it was done, and sending it again could do it twice."
        return error


def typed(answer: Any, result: Any, method: str) -> Any:
    """Convert a method's answer, or a part of it, to its type; raises NotUnderstood."""
    try:
        return msgspec.convert(answer, result)
    except msgspec.ValidationError as problem:
        raise NotUnderstood(f"The daemon's answer to {method} is not as expected: {problem}.") from None


def spelt(given: dict[str, Any]) -> dict[str, Any]:
    """Spell parameters as on the wire, without those that are None."""
    named = {camel(name.rstrip("_")): value for name, value in given.items() if value is not None}
    plain: dict[str, Any] = msgspec.to_builtins(named, builtin_types=NOT_CONVERTED)
    return plain
