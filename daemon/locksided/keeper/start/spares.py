"""Empty folders of one run that the next run reuses, so that none is created and removed for every run.

A file system that has just removed many folders creates new ones slowly: ext4 skips every inode freed in the
last seconds. Even elsewhere moving a folder costs a third of creating one.
"""

import os
import stat

from locksided.keeper import clock

SETTLED_NS = 3_000_000_000
"""A folder unchanged for this long shows every later change by its time, on any file system."""
MOST = 16
"""More than a keeper's runs need between the end of one and the start of the next."""
_OURS = os.geteuid(), os.getegid()


class SpareFolders:
    """Folders of this process's own account that are unchanged: empty, with mode 0700."""

    def __init__(self) -> None:
        self._free: list[tuple[str, int]] = []
        """Each with the time of its last change, 0 while a later change might have the same time."""
        self._given: dict[str, int] = {}
        self._places: set[str] = set()
        self._made = 0

    def put(self, path: str) -> None:
        """Provide an empty folder at `path`. Raises OSError; FileExistsError if something exists there."""
        if self._free:
            spare, changed_ns = self._free.pop()
            try:
                os.rename(spare, path)
            except OSError:
                _is_removed(spare)
            else:
                self._given[path] = changed_ns
                return
        os.mkdir(path, 0o700)

    def take(self, path: str, place: str | None) -> bool:
        """Remove the folder if it is empty; return whether it was. `place` is for spare folders."""
        known_ns = self._given.pop(path, 0)
        if place is None or len(self._free) >= MOST:
            return _is_removed(path)
        try:
            changed_ns = _when_made(path, known_ns)
            if changed_ns is None:
                return _is_removed(path)
            self._prepare(place)
            self._made += 1
            spare = f"{place}/{os.getpid()}-{self._made}"
            os.rename(path, spare)
        except OSError:
            return _is_removed(path)
        is_settled = changed_ns == known_ns or clock.wall_us() * 1000 - changed_ns > SETTLED_NS
        self._free.append((spare, changed_ns if is_settled else 0))
        return True

    def remove(self) -> None:
        """Remove all spare folders."""
        for spare, _ in self._free:
            _is_removed(spare)
        self._free.clear()

    def _prepare(self, place: str) -> None:
        """Create the place, and take over the folders left there by dead keepers."""
        if place in self._places:
            return
        os.makedirs(place, 0o700, exist_ok=True)
        self._places.add(place)
        for name in os.listdir(place):
            pid, path = name.partition("-")[0], f"{place}/{name}"
            if pid.isdigit() and not os.path.exists(f"/proc/{pid}") and _when_made(path, 0) is not None:
                self._free.append((path, 0))


def _when_made(path: str, known_ns: int) -> int | None:
    """Return when an unchanged folder was last modified; None for any other. Raises OSError.

    A folder last modified at `known_ns` is known to be empty.
    """
    found = os.lstat(path)
    is_ours = (found.st_uid, found.st_gid) == _OURS and found.st_mode == stat.S_IFDIR | 0o700
    if is_ours and (found.st_mtime_ns == known_ns or not os.listdir(path)):
        return found.st_mtime_ns
    return None


def _is_removed(path: str) -> bool:
    try:
        os.rmdir(path)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True
