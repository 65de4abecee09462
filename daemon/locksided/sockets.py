"""Connections to Unix sockets by paths of any length."""

import os
import socket
from pathlib import Path

from lockside.transport import connect_unix


def connected(path: Path) -> socket.socket:
    """A blocking stream socket that is connected to `path`. Raises OSError."""
    opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connect_unix(opened, os.fspath(path))
    except BaseException:
        opened.close()
        raise
    return opened
