"""Unchanged input folders of a run are reused by the next one, so that fewer folders are created.

A file system that has just removed many folders creates new ones slowly: ext4 without a journal skips every
inode freed in the last seconds. Only for runs of one account, the daemon's own. Standard library only.
"""

import os
import stat

from locksided.keeper import clock
from locksided.keeper.start.spares import SETTLED_NS
from locksided.runs.safefs import NotPlain, opened_folder, remove

NAME = "in"
INSIDE = ("tables", "files", "user")
STATE = "state.json"
MOST = 16
"""More than runs need between the end of one and the start of the next."""
MOST_SEEN = 256
_SEEN: dict[int, tuple[int, int]] = {}
"""Folders found empty, by inode: their device and last change."""


def take(data_fd: int, place: str) -> bool:
    """Move one of the folders in `place` to the data folder's `in`; returns whether that succeeded."""
    try:
        waiting = os.listdir(place)
    except FileNotFoundError:
        return False
    for name in waiting:
        try:
            os.rename(f"{place}/{name}", NAME, dst_dir_fd=data_fd)
        except OSError:
            continue  # another run took it, or something is in the way, which others repair
        return True
    return False


def hand_on(data_fd: int, place: str) -> bool:
    """Move the data folder's `in` to `place`; returns whether it was moved. A changed folder is left."""
    try:
        with opened_folder(NAME, data_fd) as inputs:
            if not _is_as_made(inputs):
                return False
            remove(STATE, inputs)
            name = f"in-{os.fstat(inputs).st_ino}"
        os.makedirs(place, 0o700, exist_ok=True)
        if len(os.listdir(place)) >= MOST:
            return False
        os.rename(NAME, f"{place}/{name}", src_dir_fd=data_fd)
    except (OSError, NotPlain):
        return False
    return True


def _is_as_made(inputs: int) -> bool:
    if not _is_plain(inputs) or set(os.listdir(inputs)) - {STATE} != set(INSIDE):
        return False
    return all(_is_empty(name, inputs) for name in INSIDE)


def _is_empty(name: str, inputs: int) -> bool:
    """Whether a folder is plain and empty. Any change updates its `ctime`, which programs cannot set, so a
    folder checked before is recognized.
    """
    found = os.stat(name, dir_fd=inputs, follow_symlinks=False)
    changed_ns = found.st_ctime_ns
    if _SEEN.get(found.st_ino) == (found.st_dev, changed_ns):
        return True
    with opened_folder(name, inputs) as folder:
        if not _is_plain(folder) or os.listdir(folder):
            return False
    if clock.wall_us() * 1000 - changed_ns > SETTLED_NS:
        if len(_SEEN) >= MOST_SEEN:
            _SEEN.clear()
        _SEEN[found.st_ino] = found.st_dev, changed_ns
    return True


def _is_plain(folder: int) -> bool:
    """Return whether owner and permissions are those of a new folder; access control lists are attributes."""
    found = os.fstat(folder)
    is_ours = (found.st_uid, found.st_gid) == (os.geteuid(), os.getegid())
    return is_ours and found.st_mode == stat.S_IFDIR | 0o700 and not os.listxattr(folder)
