"""Files of this machine, as the job's account may read them."""

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from locksided import clock
from locksided.steps.staging.remote import is_below
from locksided.steps.staging.sources import Broken, Missing, Opened, Refused, Stamp


@dataclass(frozen=True, slots=True)
class FileSource:
    """A regular file below one of the roots, below that of its system, and not in the state folder."""

    path: str
    roots: Sequence[str]
    state_folder: str
    root: str = "/"

    @contextmanager
    def open(self, offset: int, known: Stamp | None) -> Iterator[Opened]:
        """See `Source`."""
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
        except FileNotFoundError:
            raise Missing("there is no such file") from None
        except OSError as problem:
            raise Refused(f"it cannot be read: {problem.strerror}") from None
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise Refused("it is not a regular file")
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            self._check_place(os.readlink(f"/proc/self/fd/{descriptor}"))
            stamp = _stamp(descriptor)
            start = offset if known == stamp else 0
            file.seek(start)
            yield Opened(file, start, stamp)
            if _stamp(descriptor) != stamp:
                raise Broken("it changed while it was read")

    def _check_place(self, real: str) -> None:
        """Judges where the file that is open really is, whatever links led there."""
        refuse_misplaced(real, self.roots, self.state_folder)
        if not is_below(real, os.path.realpath(self.root)):
            raise Refused("it is outside the root of its system")


def refuse_misplaced(real: str, roots: Sequence[str], state_folder: str) -> None:
    """Raises Refused for a place of this machine that no job may read or write."""
    if is_below(real, os.path.realpath(state_folder)):
        raise Refused("it is in the state folder of the daemon")
    if not any(is_below(real, os.path.realpath(root)) for root in roots):
        raise Refused("it is not below any of [staging] file_roots")


def _stamp(descriptor: int) -> Stamp:
    about = os.fstat(descriptor)
    return Stamp(about.st_size, None, clock.to_text(about.st_mtime_ns // 1000))
