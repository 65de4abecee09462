"""The claim of a start token: decided once, by whoever makes it first, even across crashes of everybody.

It is a symbolic link: made exclusively and together with its content in one system call. The keeper writes
`started` before it spawns, the daemon `burnt` when it takes a token back; whoever is second obeys.
"""

import os
from contextlib import suppress
from enum import Enum, auto

from locksided.keeper import outcome, remote


class Claim(Enum):
    """How a token was decided."""

    BURNT = auto()
    """Nothing was ever started under it, and never will be."""
    STARTED = auto()
    """A keeper took it; whether it got as far as a process is for its record to tell."""
    STARTED_ELSEWHERE = auto()
    """A runner on another machine took it."""


_CLAIMS = {"burnt": Claim.BURNT, "started": Claim.STARTED}


class ControlFolders:
    """What lies in the control folders of starts. Synchronous; called in threads."""

    def burn(self, control: str) -> Claim:
        """Take the token back, unless somebody came first. Raises OSError."""
        os.makedirs(control, mode=0o700, exist_ok=True)
        claim = os.path.join(control, "claim")
        try:
            os.symlink("burnt", claim)
        except FileExistsError:
            return _CLAIMS.get(os.readlink(claim), Claim.STARTED_ELSEWHERE)
        return Claim.BURNT

    def recorded(self, control: str) -> bytes | None:
        """The outcome that the keeper wrote beside the claim; None without one."""
        with suppress(OSError):
            return remote.content(control, outcome.FILE, remote.ORDER_BYTES)
        return None
