"""The output of jobs, in frames."""

from msgspec import UNSET, UnsetType

from lockside.documents.base import Out
from lockside.protocol.words import Stream


class DroppedLog(Out, frozen=True, kw_only=True):
    """A gap in a log, and how large it is.

    Attributes:
        bytes: How many bytes are missing.
        from_seq: The first missing frame.
        to_seq: The last missing frame.
    """

    bytes: int
    from_seq: int
    to_seq: int


class LogFrame(Out, frozen=True, kw_only=True):
    """A piece of output: `text`, or `data` in base64 when raw bytes were asked for, or a gap.

    Attributes:
        seq: The frame's number.
        time: When it was written.
        stream: Which output.
        text: The text.
        data: The bytes, in base64.
        dropped: What is missing here.
    """

    seq: int
    time: str
    stream: Stream | None = None
    text: str | UnsetType = UNSET
    data: str | UnsetType = UNSET
    dropped: DroppedLog | UnsetType = UNSET


class LogPage(Out, frozen=True, kw_only=True):
    """A page of a log.

    Attributes:
        frames: The frames.
        next_offset: The `offset` of the next call.
        is_complete: Whether nothing will follow.
    """

    frames: list[LogFrame]
    next_offset: int
    is_complete: bool
