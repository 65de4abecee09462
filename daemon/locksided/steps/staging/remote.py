"""Places that are reached by a connection. Each kind has a `Session`; reading is common to all."""

import errno
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from posixpath import join, split
from typing import Any, BinaryIO, ClassVar, Protocol, TypeAlias

from locksided.steps.staging.sources import Broken, Opened, Refused, Stamp

NO_SPACE = (errno.ENOSPC, errno.EDQUOT)


class Readable(Protocol):
    """Content that can be sent."""

    def read(self, size: int = -1, /) -> bytes:
        """Return the next bytes, none at the end."""


class Session(Protocol):
    """An open connection. Paths are absolute and decoded.

    All methods raise Missing, Refused and Broken, and so does connecting.
    """

    checksum: ClassVar[str | None]
    """The kind of checksum that the server may report as the tag of a file."""

    def stamp(self, path: str) -> Stamp:
        """Return the size, tag and time of a file."""

    def real(self, path: str) -> str:
        """Return the path with all links resolved, if the server supports that."""

    def reading(self, path: str, offset: int) -> AbstractContextManager[BinaryIO | Any]:
        """Open a file at an offset."""

    def make_folder(self, path: str) -> None:
        """Create a folder, unless it exists, and its parents."""

    def put(self, path: str, content: Readable, size_bytes: int) -> None:
        """Send a whole file; it gets its name when it is complete."""

    def remove(self, path: str) -> None:
        """Remove a file."""

    def names(self, path: str) -> list[str]:
        """Return the names of the files in a folder."""


Connect: TypeAlias = Callable[[], AbstractContextManager[Session]]


@dataclass(frozen=True, slots=True)
class RemoteSource:
    """A file reached by a connection; below `root`, wherever its links lead."""

    connect: Connect
    path: str
    root: str = "/"

    @contextmanager
    def open(self, offset: int, known: Stamp | None) -> Iterator[Opened]:
        """See `Source`."""
        with self.connect() as session:
            refuse_outside(session, self.path, self.root)
            stamp = session.stamp(self.path)
            start = offset if stamp == known and stamp.is_strong else 0
            with session.reading(self.path, start) as stream:
                yield Opened(stream, start, stamp)


def refuse_outside(session: Session, path: str, root: str) -> None:
    """Raise Refused if links lead out of the root of a system."""
    if root != "/" and not is_below(session.real(path), session.real(root)):
        raise Refused("it is outside the root of its system")


def is_below(path: str, folder: str) -> bool:
    """Return whether a path is the folder or is in it; both have no links."""
    return path == folder or path.startswith(folder.rstrip("/") + "/")


@contextmanager
def arriving(path: str, remove: Callable[[str], object]) -> Iterator[str]:
    """Provide a temporary name for a file that is being sent; the file is removed on an error."""
    folder, name = split(path)
    part = join(folder, f".{name}.part")
    try:
        yield part
    except Exception:
        with suppress(Exception):  # the connection may be what broke
            remove(part)
        raise


def broken(problem: Exception) -> Exception:
    """Translate an error of a connection to Broken; a lack of space stays as it is."""
    if isinstance(problem, OSError) and problem.errno in NO_SPACE:
        return problem
    return Broken(f"{type(problem).__name__}: {problem}")
