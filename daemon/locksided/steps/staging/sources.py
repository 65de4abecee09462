"""The interface of all kinds of sources: they are opened at an offset."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, BinaryIO, Protocol

CHUNK_BYTES = 1 << 20
TIMEOUT_SECONDS = 60.0


class Refused(Exception):
    """The user can repair it: the file may not be read, or there is no such file."""


class Missing(Refused):
    """There is no such file."""


class Broken(Exception):
    """A retry may succeed. `retry_after_seconds` is the pause that the server asks for."""

    def __init__(self, message: str, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


@dataclass(frozen=True, slots=True)
class Stamp:
    """Identifies the content of a source; `size_bytes` is that of the whole.

    `modified` is an RFC 3339 time in UTC.
    """

    size_bytes: int | None = None
    etag: str | None = None
    modified: str | None = None

    @property
    def is_strong(self) -> bool:
        """Whether a transfer can be continued: an equal stamp means equal content."""
        if self.etag is not None:
            return not self.etag.startswith("W/")
        return self.size_bytes is not None and self.modified is not None


@dataclass(frozen=True, slots=True)
class Opened:
    """A source opened for reading at `offset`."""

    stream: BinaryIO | Any
    offset: int
    stamp: Stamp


class Source(Protocol):
    """A file of one kind of place."""

    def open(self, offset: int, known: Stamp | None) -> AbstractContextManager[Opened]:
        """Read from the offset if the content is still the known one, else from the start.

        Raises Refused and Broken.
        """
