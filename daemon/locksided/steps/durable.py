"""Files that survive a power cut: written under new names and synced, their folders, too."""

import os
from collections.abc import Iterable
from pathlib import Path


def sync(path: Path) -> None:
    """Sees a file, or the names in a folder, onto the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_all(paths: Iterable[Path]) -> None:
    """The same for several."""
    for path in paths:
        sync(path)


def make_folder(path: Path) -> None:
    """Makes a folder that may be there, and sees its name onto the disk. Its parent must exist."""
    try:
        path.mkdir(mode=0o777)
    except FileExistsError:
        return
    sync(path.parent)


def write_new(path: Path, content: bytes) -> None:
    """Writes a file of a name that was never used, and sees it onto the disk with that name."""
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    sync(path.parent)
