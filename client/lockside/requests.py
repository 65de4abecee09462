"""What a call is before anybody sends it: a method, its parameters by wire name, and the type of its answer.

Both clients share these; nothing here does I/O.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, overload

import msgspec

from lockside.documents.base import camel
from lockside.errors import ConnectionLost, LocksideError, NotUnderstood
from lockside.transport import new_deduplication_id

_NOT_CONVERTED = (bytes, bytearray, memoryview)
"""They would become base64, which nobody asked for; so they are refused when they are sent."""

P = ParamSpec("P")
T = TypeVar("T")
Mode = TypeVar("Mode")


class Blocking:
    """Marks the methods of `Client`: they give their result."""


class Awaiting:
    """Marks the methods of `AsyncClient`: they give an awaitable of their result."""


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


def ask(method: str, result: Any, /, **given: Any) -> Request[Any]:
    """Make a call that changes nothing; what is None is left to the daemon."""
    return Request(method, spelt(given), result)


def act(method: str, result: Any, /, **given: Any) -> Request[Any]:
    """Make a call that changes something: its own deduplication id makes it safe to send again."""
    params = spelt(given)
    params.setdefault("deduplicationId", new_deduplication_id())
    return Request(method, params, result)


def typed(answer: Any, result: Any, method: str) -> Any:
    """Convert a method's answer, or a part of it, to its type; raises NotUnderstood."""
    try:
        return msgspec.convert(answer, result)
    except msgspec.ValidationError as problem:
        raise NotUnderstood(f"The daemon's answer to {method} is not as expected: {problem}.") from None


def spelt(given: dict[str, Any]) -> dict[str, Any]:
    """Spell parameters as on the wire, without those that are None."""
    named = {camel(name.rstrip("_")): value for name, value in given.items() if value is not None}
    plain: dict[str, Any] = msgspec.to_builtins(named, builtin_types=_NOT_CONVERTED)
    return plain


class Group(Generic[Mode]):
    """The methods of one word of the wire, `job` or `config`, bound to a client."""

    def __init__(self, perform: Callable[[Request[Any]], Any]) -> None:
        self._perform = perform


class call(Generic[P, T]):  # noqa: N801 - it is used as a decorator
    """Makes a method out of a function that describes a call: it blocks or is awaited, as its client does."""

    def __init__(self, describe: Callable[Concatenate[Any, P], Request[T]]) -> None:
        self._describe = describe
        self.__doc__ = describe.__doc__

    @overload
    def __get__(self, group: None, owner: Any) -> call[P, T]: ...
    @overload
    def __get__(self, group: Group[Blocking], owner: Any) -> Callable[P, T]: ...
    @overload
    def __get__(self, group: Group[Awaiting], owner: Any) -> Callable[P, Awaitable[T]]: ...
    def __get__(self, group: Group[Any] | None, owner: Any) -> Any:
        if group is None:
            return self
        describe, perform = self._describe, group._perform

        @wraps(describe)
        def bound(*args: P.args, **kwargs: P.kwargs) -> Any:
            return perform(describe(group, *args, **kwargs))

        return bound
