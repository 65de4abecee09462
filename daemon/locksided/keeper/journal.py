"""The keeper's own log: one line per event with its fields. It never contains jobs' output."""

import os
import time

_STDERR = 2


class Journal:
    """Appends lines to a file or to stderr; a line that cannot be written is dropped."""

    def __init__(self, path: str | None) -> None:
        self._fd = _STDERR
        if path is not None:
            self._fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def write(self, event: str, **fields: object) -> None:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        details = "".join(f" {name}={value!r}" for name, value in fields.items())
        try:
            os.write(self._fd, f"{stamp} keeper {event}{details}\n".encode("utf-8", "replace"))
        except OSError:
            return
