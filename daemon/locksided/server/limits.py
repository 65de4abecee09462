"""What one client may ask for at once. The numbers come from the settings; nothing is enforced here."""

from dataclasses import dataclass
from typing import Final

MAX_DEPTH: Final = 128
MAX_CONTAINERS: Final = 500_000


@dataclass(frozen=True, slots=True)
class ClientLimits:
    """Bounds on frames, batches, calls and connections; past each stands an error, never a crash."""

    line_bytes: int = 8 * 2**20
    batch: int = 1000
    in_flight: int = 256
    connections: int = 1000
    unread_bytes: int = 2**20
    unfinished_bytes: int = 64 * 2**20
    batch_width: int = 32
    stop_seconds: float = 1.5
