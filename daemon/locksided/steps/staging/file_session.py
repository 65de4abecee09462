"""Local folders as places to write to, with the permissions of the job's account."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfileobj
from typing import BinaryIO, ClassVar

from locksided import clock
from locksided.steps.durable import sync
from locksided.steps.staging.file_source import refuse_misplaced
from locksided.steps.staging.remote import NO_SPACE, Readable, arriving
from locksided.steps.staging.sources import CHUNK_BYTES, Missing, Refused, Stamp


@contextmanager
def file_session(roots: Sequence[str], state_folder: str) -> Iterator["FileSession"]:
    """Open all files below the roots. Raises Missing and Refused, and OSError if no space is left."""
    try:
        yield FileSession(roots, state_folder)
    except FileNotFoundError:
        raise Missing("there is no such file") from None
    except OSError as problem:
        if problem.errno in NO_SPACE:
            raise
        raise Refused(f"{problem.strerror}") from None


@dataclass(frozen=True, slots=True)
class FileSession:
    """See `Session`."""

    checksum: ClassVar[str | None] = None
    roots: Sequence[str]
    state_folder: str

    def stamp(self, path: str) -> Stamp:
        about = os.stat(path)
        return Stamp(about.st_size, None, clock.to_text(about.st_mtime_ns // 1000))

    def real(self, path: str) -> str:
        real = os.path.realpath(path)
        refuse_misplaced(real, self.roots, self.state_folder)
        return real

    @contextmanager
    def reading(self, path: str, offset: int) -> Iterator[BinaryIO]:
        with open(path, "rb", buffering=0) as file:
            file.seek(offset)
            yield file

    def make_folder(self, path: str) -> None:
        os.makedirs(path, exist_ok=True)

    def put(self, path: str, content: Readable, size_bytes: int) -> None:
        with arriving(path, os.unlink) as part:
            with open(part, "wb", buffering=0) as file:
                copyfileobj(content, file, CHUNK_BYTES)
                os.fsync(file.fileno())
            os.rename(part, path)
        sync(Path(path).parent)

    def remove(self, path: str) -> None:
        os.unlink(path)

    def names(self, path: str) -> list[str]:
        return os.listdir(path)
