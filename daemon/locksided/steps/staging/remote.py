"""Places of files that one connects to. Each kind is a `Session`; what is read there is the same for all."""

import errno
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from posixpath import join, split
from typing import Any, BinaryIO, ClassVar, Protocol, TypeAlias

from locksided.steps.staging.sources import Broken, Opened, Refused, Stamp

NO_SPACE = (errno.ENOSPC, errno.EDQUOT)


class Readable(Protocol):
    """What can be sent."""

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes, none at the end."""


class Session(Protocol):
    """An open connection. Paths are whole and decoded.

    All raise Missing, Refused and Broken, also where the connection is made.
    """

    checksum: ClassVar[str | None]
    """The kind of checksum that the server may tell as the tag of a file."""

    def stamp(self, path: str) -> Stamp:
        """What is known of a file."""

    def real(self, path: str) -> str:
        """The path behind all links, where the server tells it."""

    def reading(self, path: str, offset: int) -> AbstractContextManager[BinaryIO | Any]:
        """A file's bytes from an offset on."""

    def make_folder(self, path: str) -> None:
        """Makes a folder that may be there, and those above it."""

    def put(self, path: str, content: Readable, size_bytes: int) -> None:
        """Sends a whole file, which gets its name when all of it is there."""

    def remove(self, path: str) -> None:
        """Removes a file."""

    def names(self, path: str) -> list[str]:
        """What a folder has."""


Connect: TypeAlias = Callable[[], AbstractContextManager[Session]]


@dataclass(frozen=True, slots=True)
class RemoteSource:
    """A file there; below `root`, wherever its links lead."""

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
    """Raises Refused when links lead out of the root of a system."""
    if root != "/" and not is_below(session.real(path), session.real(root)):
        raise Refused("it is outside the root of its system")


def is_below(path: str, folder: str) -> bool:
    """Whether a path is a folder or in it; both are without links."""
    return path == folder or path.startswith(folder.rstrip("/") + "/")


@contextmanager
def arriving(path: str, remove: Callable[[str], object]) -> Iterator[str]:
    """The name that a file has until all of it is there; what came of it is removed when no more can come."""
    folder, name = split(path)
    part = join(folder, f".{name}.part")
    try:
        yield part
    except Exception:
        with suppress(Exception):  # the connection may be what broke
            remove(part)
        raise


def broken(problem: Exception) -> Exception:
    """What a fault of the connection is to the one that works with it; no space is one of its own."""
    if isinstance(problem, OSError) and problem.errno in NO_SPACE:
        return problem
    return Broken(f"{type(problem).__name__}: {problem}")
