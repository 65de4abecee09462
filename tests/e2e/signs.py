"""Synchronises tests and jobs: a gate that the test opens, and a pipe that the test reads."""

import fcntl
import os
import select
from pathlib import Path

from e2e.processes import PATIENCE_SECONDS


class Gate:
    """Jobs that run `gate.text` wait until the test opens the gate; it opens by itself when the test ends."""

    def __init__(self, folder: Path, name: str = "gate") -> None:
        self._path = folder / name
        self._opened: int | None = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        os.fchmod(self._opened, 0o666)
        fcntl.flock(self._opened, fcntl.LOCK_EX)

    @property
    def text(self) -> str:
        return f"flock -s {self._path} true"

    def open(self) -> None:
        if self._opened is not None:
            os.close(self._opened)
            self._opened = None


class Ear:
    """A pipe into which jobs write lines (`echo word > path`) and which the test reads."""

    def __init__(self, folder: Path, name: str = "ear") -> None:
        self.path = folder / name
        os.mkfifo(self.path)
        self.path.chmod(0o666)
        self._fd = os.open(self.path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self._rest = b""

    def hear(self) -> str:
        """Return the next line that a job wrote."""
        while b"\n" not in self._rest:
            assert select.select([self._fd], [], [], PATIENCE_SECONDS)[0], "no line was written"
            self._rest += os.read(self._fd, 65536)
        line, _, self._rest = self._rest.partition(b"\n")
        return line.decode()

    def is_silent(self) -> bool:
        return not self._rest and not select.select([self._fd], [], [], 0)[0]

    def close(self) -> None:
        os.close(self._fd)
