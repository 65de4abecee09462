"""Which function handles which method: handlers are marked, and found by the type of their parameters."""

from collections.abc import Callable, Iterator, Mapping
from inspect import get_annotations
from typing import Any, TypeVar, get_args

from lockside.protocol.declaration import Method
from locksided.server.calls import Handler

F = TypeVar("F", bound=Callable[..., Any])


def handler(function: F) -> F:
    """Mark a function of a group as the handler of the method whose parameters its last argument has.

    If the annotation is a union of parameters, it is the handler of each of their methods.
    """
    function.__dict__["is_handler"] = True
    return function


def handlers_of(group: object, methods: Mapping[str, Method]) -> dict[str, Handler]:
    """Return the handlers of a group by method name; raises ValueError for a handler of no method."""
    names = {method.params: name for name, method in methods.items()}
    found: dict[str, Handler] = {}
    for function in vars(type(group)).values():
        for kind in _handled(function):
            if kind not in names:
                raise ValueError(f"{function.__qualname__}: no method is declared with {kind.__name__}")
            found[names[kind]] = getattr(group, function.__name__)
    return found


def _handled(function: Any) -> Iterator[type]:
    if getattr(function, "is_handler", False):
        annotations = get_annotations(function, eval_str=True)
        annotations.pop("return", None)
        _, asked = annotations.popitem()
        yield from get_args(asked) or (asked,)
