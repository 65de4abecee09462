"""Signals by name and number. Standard library only."""

import re
import signal
from functools import lru_cache
from typing import Final

VALID: Final = frozenset(map(int, signal.valid_signals()))
PATTERN: Final = r"^(SIG)?[A-Za-z0-9]{2,8}([+-][0-9]{1,2})?$"

_REAL_TIME = re.compile(r"SIGRT(MIN|MAX)([+-])([0-9]{1,2})")


@lru_cache(64)
def number(value: str | int) -> int:
    """Return the number of "SIGTERM", "TERM", "SIGRTMIN+3" or 15. Raises ValueError if it is unknown."""
    found = value if isinstance(value, int) else _numbered(value.upper())
    if found not in VALID:
        raise ValueError(f"{value!r} is not a signal: write a name such as SIGTERM, or its number")
    return int(found)


def _numbered(text: str) -> int:
    full = text if text.startswith("SIG") else f"SIG{text}"
    if counted := _REAL_TIME.fullmatch(full):
        base = signal.SIGRTMIN if counted[1] == "MIN" else signal.SIGRTMAX
        offset = int(counted[3])
        return base + offset if counted[2] == "+" else base - offset
    return signal.Signals.__members__.get(full, 0)


def name(value: str | int) -> str:
    """Return the name of a signal, as in "SIGTERM" or "SIGRTMIN+3". Raises ValueError if it is unknown."""
    found = number(value)
    try:
        return signal.Signals(found).name
    except ValueError:
        return f"SIGRTMIN+{found - signal.SIGRTMIN}"
