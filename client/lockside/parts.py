"""The parts of a `catalog.apply` that is longer than one request may be.

Pure; it uses the standard library alone.
"""

from __future__ import annotations

import os

from lockside.transport import encoded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from lockside.errors import LocksideError

    Json = dict[str, Any]

PART_BYTES = 2**18

_KINDS = ("pools", "components", "variables", "configs")


class Part:
    """The parameters of one `catalog.stage`, and the places that its objects have in the whole request."""

    def __init__(self, common: Json) -> None:
        self.params = dict(common)
        self._first_places: dict[str, int] = {}

    def add(self, kind: str, place: int, item: Json) -> None:
        """Add an object."""
        self._first_places.setdefault(kind, place)
        self.params.setdefault(kind, []).append(item)

    def located(self, error: LocksideError) -> LocksideError:
        """Return an error of this part with the place that the field at fault has in the whole request."""
        error.message = self._shifted(error.message)
        error.args = (error.message,)
        if error.path is not None:
            error.data["path"] = self._shifted(error.path)
        return error

    def _shifted(self, text: str) -> str:
        import re

        def shifted(found: re.Match[str]) -> str:
            return f"{found[1]}[{int(found[2]) + self._first_places.get(found[1], 0)}]"

        return re.sub(rf"\b({'|'.join(_KINDS)})\[(\d+)\]", shifted, text)


def cut(params: Json) -> tuple[list[Part], Json]:
    """Cut the parameters of `catalog.apply` into parts to be staged before it, and those that it then has.

    There are no parts when all is short, or already staged. Raises InvalidParams for what is no JSON.
    """
    if params.get("draft"):
        return [], params
    draft = os.urandom(12).hex()
    common = {name: params[name] for name in ("project", "branchId") if name in params} | {"draft": draft}
    parts: list[Part] = []
    left_bytes = 0
    for kind in _KINDS:
        for place, item in enumerate(params.get(kind, ())):
            size_bytes = len(encoded(item))
            if size_bytes > left_bytes:
                parts.append(Part(common))
                left_bytes = PART_BYTES
            left_bytes -= size_bytes
            parts[-1].add(kind, place, item)
    if len(parts) <= 1:
        return [], params
    # A kind that was given stays given: `prune` deletes those of it that are not named.
    return parts, params | {"draft": draft} | {kind: [] for kind in _KINDS if kind in params}
