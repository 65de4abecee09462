"""What a test clock shows."""

from lockside.documents.base import Out


class ClockReading(Out, frozen=True, kw_only=True):
    """The clocks of a daemon with a test clock.

    Attributes:
        time: The wall clock.
        boot_time: The boot clock; it began at the same time, and `clock.set` does not move it.
    """

    time: str
    boot_time: str
