"""Every method of the daemon, once for both clients, under its name on the wire: `client.job.create`.

They come from the declarations in `lockside.protocol.methods`; the generated stubs `methods.pyi` and
`asyncmethods.pyi` have their types. Besides the errors named, every method raises NotReachable, Unavailable,
InvalidParams, Forbidden and LimitExceeded; those that change something may be sent twice and are done once,
and raise Conflict for an id that another call had.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lockside.calls import Group, groups_of
from lockside.protocol.methods import METHODS
from lockside.requests import Request


class Methods:
    """The words of the wire, each with its methods, bound to what sends a call."""

    def __init__(self, perform: Callable[[Request[Any]], Any]) -> None:
        for name, uses in groups_of(METHODS).items():
            setattr(self, name, Group(uses, perform))

    def __reduce__(self) -> Any:
        """Refuse to be pickled or copied: a connection has one owner."""
        raise TypeError(
            f"{type(self).__name__} cannot be pickled or copied, for it holds connections: "
            "make one in each process, and share one among threads as it is."
        )
