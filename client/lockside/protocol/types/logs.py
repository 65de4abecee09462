"""The output of jobs, in frames."""

from typing import Any

from msgspec import UNSET, UnsetType

from lockside.documents.base import Out
from lockside.protocol.words import Stream


class DroppedLog(Out, frozen=True, kw_only=True):
    """A gap in a log.

    Attributes:
        bytes: The number of missing bytes.
        from_seq: The first missing frame.
        to_seq: The last missing frame.
    """

    bytes: int
    from_seq: int
    to_seq: int


class LogStep(Out, frozen=True, kw_only=True):
    """The step of a run whose output begins here.

    Attributes:
        step: Its number, from 1.
        total: The number of steps.
        row: The row.
        kind: Whether it runs a component, a processor, a plain command or an operation of the daemon.
        component: The component.
        operation: The operation.
    """

    step: int | None = None
    total: int | None = None
    row: str | None = None
    kind: str | None = None
    component: str | None = None
    operation: str | None = None


class LogFrame(Out, frozen=True, kw_only=True):
    """A piece of output as `text`, or as `data` in base64 if raw bytes were requested; or a gap, or a mark.

    Attributes:
        seq: The frame's number.
        time: When it was written.
        stream: The stream that it comes from.
        level: The level of a GELF message, from 0 (emergency) to 7 (debug).
        fields: Further fields of a GELF message.
        text: The text.
        data: The bytes, in base64.
        dropped: The gap at this place.
        step: The step that begins here, in a run of several steps.
    """

    seq: int
    time: str
    stream: Stream | None = None
    level: int | UnsetType = UNSET
    fields: dict[str, Any] | UnsetType = UNSET
    text: str | UnsetType = UNSET
    data: str | UnsetType = UNSET
    dropped: DroppedLog | UnsetType = UNSET
    step: LogStep | UnsetType = UNSET


class LogPage(Out, frozen=True, kw_only=True):
    """A page of a log.

    Attributes:
        frames: The frames.
        next_offset: The `offset` of the next call.
        is_complete: Whether no more output will follow.
    """

    frames: list[LogFrame]
    next_offset: int
    is_complete: bool
