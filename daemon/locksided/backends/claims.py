"""The claim of a start token: decided once, by its first creator, even if every party crashes.

It is a symbolic link: created exclusively and together with its content in one system call. The keeper writes
`started` before it spawns, the daemon `burnt` when it revokes a token; whoever is second obeys.
"""

import os
from contextlib import suppress
from enum import Enum, auto

from locksided.keeper import outcome, remote


class Claim(Enum):
    """The decision about a token."""

    BURNT = auto()
    """Nothing was ever started under it, and never will be."""
    STARTED = auto()
    """A keeper took it; the keeper's record says whether a process was started."""
    STARTED_ELSEWHERE = auto()
    """A runner on another machine took it."""


_CLAIMS = {"burnt": Claim.BURNT, "started": Claim.STARTED}


class ControlFolders:
    """The content of starts' control folders. Synchronous; called in threads."""

    def burn(self, control: str) -> Claim:
        """Revoke the token, unless it was claimed first. Raises OSError."""
        os.makedirs(control, mode=0o700, exist_ok=True)
        try:
            os.symlink("burnt", os.path.join(control, "claim"))
        except FileExistsError:
            # On other machines a job may have made anything of it.
            return _CLAIMS.get(remote.claim_of(control) or "", Claim.STARTED_ELSEWHERE)
        return Claim.BURNT

    def recorded(self, control: str) -> bytes | None:
        """Return the outcome that the keeper wrote beside the claim, or None."""
        with suppress(OSError):
            return remote.content(control, outcome.FILE, remote.ORDER_BYTES)
        return None
