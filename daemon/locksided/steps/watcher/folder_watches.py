"""The kernel's watches on folders, and on the parents of folders that do not exist yet."""

import os
from collections.abc import Iterable
from pathlib import Path

from locksided import inotify

_INSIDE = inotify.CLOSE_WRITE | inotify.MOVED_TO | inotify.MOVED_FROM | inotify.DELETE
_ITSELF = inotify.DELETE_SELF | inotify.MOVE_SELF
_WAITING = inotify.CREATE | inotify.MOVED_TO | inotify.ATTRIB
_TO_FOLDER = inotify.ONLY_DIRECTORY | inotify.MASK_ADD
_LOST = _ITSELF | inotify.UNMOUNT | inotify.OVERFLOW | inotify.IGNORED


class FolderWatches:
    """The watches on some folders. If a watch is lost, all are created again with `begin`."""

    def __init__(self, folders: Iterable[str]) -> None:
        self._folders = list(folders)
        self._inside: dict[int, list[str]] = {}
        self._awaited: dict[int, set[bytes]] = {}
        self.descriptor = -1

    def begin(self) -> None:
        """Watch the folders; if one does not exist, its nearest parent. Raises OSError."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
        self.descriptor = inotify.new_descriptor()
        self._inside, self._awaited = {}, {}
        for folder in self._folders:
            self._watch_folder(folder)

    def _watch_folder(self, folder: str) -> None:
        nearest = None
        while (number := inotify.watch(self.descriptor, folder, _INSIDE | _ITSELF | _TO_FOLDER)) is None:
            place, number, below = self._above(folder)
            self._awaited.setdefault(number, set()).add(os.fsencode(below))
            if place == nearest:
                return  # nothing was created between the watch and this check
            nearest = place
        self._inside.setdefault(number, []).append(folder)
        for above in Path(folder).parents:
            inotify.watch(self.descriptor, above, _ITSELF | _TO_FOLDER)

    def _above(self, folder: str) -> tuple[str, int, str]:
        """Return the nearest parent that can be watched, its watch's number, and the name awaited in it."""
        below = Path(folder)
        while below != (place := below.parent):
            number = inotify.watch(self.descriptor, place, _WAITING | _ITSELF | _TO_FOLDER)
            if number is not None:
                return str(place), number, below.name
            below = place
        raise FileNotFoundError(folder)

    def events(self) -> tuple[list[tuple[str, str, bool]], bool]:
        """Return events (folder, name, whether it exists), and whether `begin` must be called again."""
        found, is_lost = [], False
        for notice in inotify.notices(self.descriptor):
            is_lost |= bool(notice.mask & _LOST) or notice.name in self._awaited.get(notice.watch, ())
            if notice.name and notice.mask & _INSIDE:
                is_there = bool(notice.mask & (inotify.CLOSE_WRITE | inotify.MOVED_TO))
                name = os.fsdecode(notice.name)
                found += [(folder, name, is_there) for folder in self._inside.get(notice.watch, ())]
        return found, is_lost
