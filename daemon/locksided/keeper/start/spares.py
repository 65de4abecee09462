"""Empty folders that one run leaves and the next gets, so that none is made and removed for every run.

A file system that has just removed many folders makes new ones slowly: ext4 looks past every inode that was
freed in the last seconds. Moving a folder costs a third of making one even where that is not so.
"""

import os
import stat

MOST = 16
"""More than a keeper's runs need between the end of one and the start of the next."""
_OURS = os.geteuid(), os.getegid()


class SpareFolders:
    """Folders of this process's own account that are as they were made: empty, and of mode 0700."""

    def __init__(self) -> None:
        self._free: list[str] = []
        self._places: set[str] = set()
        self._made = 0

    def put(self, path: str) -> None:
        """Have an empty folder at `path`. Raises OSError; FileExistsError when there is something."""
        if self._free:
            spare = self._free.pop()
            try:
                os.rename(spare, path)
            except OSError:
                _is_removed(spare)
            else:
                return
        os.mkdir(path, 0o700)

    def take(self, path: str, place: str | None) -> bool:
        """Whether the folder could be taken away, which was empty then; `place` is where spare ones wait."""
        if place is None or len(self._free) >= MOST:
            return _is_removed(path)
        try:
            if not _is_as_made(path):
                return _is_removed(path)
            self._prepare(place)
            self._made += 1
            spare = f"{place}/{os.getpid()}-{self._made}"
            os.rename(path, spare)
        except OSError:
            return _is_removed(path)
        self._free.append(spare)
        return True

    def remove(self) -> None:
        """Leave none behind."""
        for spare in self._free:
            _is_removed(spare)
        self._free.clear()

    def _prepare(self, place: str) -> None:
        """Make it, and take over what keepers that died have left there."""
        if place in self._places:
            return
        os.makedirs(place, 0o700, exist_ok=True)
        self._places.add(place)
        for name in os.listdir(place):
            pid, path = name.partition("-")[0], f"{place}/{name}"
            if pid.isdigit() and not os.path.exists(f"/proc/{pid}") and _is_as_made(path):
                self._free.append(path)


def _is_as_made(path: str) -> bool:
    found = os.lstat(path)
    is_ours = (found.st_uid, found.st_gid) == _OURS
    return is_ours and found.st_mode == stat.S_IFDIR | 0o700 and not os.listdir(path)


def _is_removed(path: str) -> bool:
    try:
        os.rmdir(path)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True
