"""Files that survive a power failure: written under new names, and synced together with their folders."""

import os
from collections.abc import Iterable
from pathlib import Path


def sync(path: Path) -> None:
    """Sync a file, or the entries of a folder, to disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_all(paths: Iterable[Path]) -> None:
    for path in paths:
        sync(path)


def make_folder(path: Path) -> None:
    """Create a folder if it does not exist, and sync its entry to disk. Its parent must exist."""
    try:
        path.mkdir(mode=0o777)
    except FileExistsError:
        return
    sync(path.parent)


def write_new(path: Path, content: bytes) -> None:
    """Write a file under a name that was never used, and sync it and its entry to disk."""
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    sync(path.parent)
