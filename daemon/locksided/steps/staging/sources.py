"""What every kind of source is to the one that fetches: something that is opened at an offset."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, BinaryIO, Protocol

CHUNK_BYTES = 1 << 20
TIMEOUT_SECONDS = 60.0


class Refused(Exception):
    """The user can mend it: the file may not be read, or what is named is no such file."""


class Missing(Refused):
    """There is no such file."""


class Broken(Exception):
    """It may go well the next time. `retry_after_seconds` is what the server asks for."""

    def __init__(self, message: str, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


@dataclass(frozen=True, slots=True)
class Stamp:
    """What tells one content of a source from another one; `size_bytes` is that of the whole.

    `modified` is a time of RFC 3339 in UTC.
    """

    size_bytes: int | None = None
    etag: str | None = None
    modified: str | None = None

    @property
    def is_strong(self) -> bool:
        """Whether a part can be continued: an equal stamp means an equal content."""
        if self.etag is not None:
            return not self.etag.startswith("W/")
        return self.size_bytes is not None and self.modified is not None


@dataclass(frozen=True, slots=True)
class Opened:
    """A source that is read: its bytes from `offset` on."""

    stream: BinaryIO | Any
    offset: int
    stamp: Stamp


class Source(Protocol):
    """A file of one kind of place."""

    def open(self, offset: int, known: Stamp | None) -> AbstractContextManager[Opened]:
        """Reads from an offset on if the content is the one that is known, else from the start.

        Raises Refused and Broken.
        """
