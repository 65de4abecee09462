"""How long to pause between tries to reach a daemon that is away.

Who pauses, and for what, is others' business.
"""

from __future__ import annotations

FIRST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 1.0


class Pauses:
    """Growing pauses between tries, until they add up to what is allowed: a missing socket sends no event."""

    def __init__(self, allowed_seconds: float) -> None:
        self._left_seconds = allowed_seconds
        self._next_seconds = FIRST_PAUSE_SECONDS

    def next(self) -> float | None:
        """Give the next pause in seconds, or None when there were enough."""
        if self._left_seconds <= 0:
            return None
        pause = self._next_seconds
        self._left_seconds -= pause
        self._next_seconds = min(2 * pause, LONGEST_PAUSE_SECONDS)
        return pause
