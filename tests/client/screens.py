"""A terminal for tests: the lines that a person would see of a command line."""

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
import threading
from contextlib import suppress
from typing import Self

import pyte

CLIENT = [sys.executable, "-m", "lockside.cli.main"]


class Terminal:
    """A command line on a terminal of this size; `lines` is the current screen."""

    def __init__(self, socket: str, *words: str, columns: int = 100, rows: int = 40) -> None:
        self._screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self._screen)
        self._changed = threading.Condition()
        self._is_over = False
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        environment = os.environ | {"LOCKSIDE_SOCKET": socket, "TERM": "xterm-256color"}
        self._process = subprocess.Popen(
            [*CLIENT, *words],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=environment,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(theirs)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._reader.join()
        os.close(self._ours)

    @property
    def lines(self) -> list[str]:
        """Return the screen without empty lines."""
        return [line.rstrip() for line in self._screen.display if line.strip()]

    @property
    def text(self) -> str:
        """Return the screen as one text."""
        return "\n".join(self.lines)

    def until(self, text: str, seconds: float = 20.0) -> str:
        """Wait until a text is on the screen; raises AssertionError with the screen otherwise."""
        with self._changed:
            if not self._changed.wait_for(lambda: text in self.text, seconds):
                raise AssertionError(f"{text!r} never came; there is:\n{self.text}")
            return self.text

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self._ours, keys.encode())

    def end(self, seconds: float = 20.0) -> int:
        """Wait for the end; returns the exit code."""
        code = self._process.wait(seconds)
        with self._changed:
            assert self._changed.wait_for(lambda: self._is_over, seconds)
        return code

    def _read(self) -> None:
        with suppress(OSError):  # The kernel reports the end of a terminal like this.
            while piece := os.read(self._ours, 65536):
                with self._changed:
                    self._stream.feed(piece)
                    self._changed.notify_all()
        with self._changed:
            self._is_over = True
            self._changed.notify_all()
