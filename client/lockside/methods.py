"""The methods of the daemon, for both clients, under their names on the wire: `client.job.create`. They come
from the declarations in `lockside.protocol.methods`; the generated stubs `methods.pyi` and `asyncmethods.pyi`
have their types. Beside the errors in its docstring, every method raises NotReachable, Unavailable,
InvalidParams, Forbidden and LimitExceeded. Methods that change something take effect once even if sent twice;
they raise Conflict for a deduplication id that another call has used.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lockside.calls import Group, groups_of
from lockside.protocol.methods import METHODS
from lockside.requests import Request


class Methods:
    """The groups of methods, bound to the function that performs requests."""

    def __init__(self, perform: Callable[[Request[Any]], Any]) -> None:
        for name, uses in groups_of(METHODS).items():
            setattr(self, name, Group(uses, perform))

    def __reduce__(self) -> Any:
        """Refuse to be pickled or copied: a connection has one owner."""
        raise TypeError(
            f"{type(self).__name__} cannot be pickled or copied because it has connections:  "
            "make one in each process; threads can share it."
        )
