"""A problem found by a check: what is wrong, since when, and its repair."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lockside.protocol.types import daemon as wire
from locksided import clock


@dataclass(frozen=True, slots=True)
class Problem:
    """`repair` describes the repair in words or as a command; `mend` does it, None if only a person can."""

    kind: str
    message: str
    repair: str
    since_us: int | None = None
    mend: Callable[[], Awaitable[object]] | None = None
    details: Mapping[str, Any] = field(default_factory=dict)

    def view(self, *, is_fixed: bool) -> wire.Problem:
        """Return the problem in wire form."""
        return wire.Problem(
            kind=self.kind,
            message=self.message,
            repair=self.repair,
            since=clock.to_text(self.since_us),
            can_fix=self.mend is not None,
            is_fixed=is_fixed,
            details=dict(self.details),
        )
