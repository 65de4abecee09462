"""The cgroups of runs, and the keeper's own position among them.

Creating a cgroup is slow and its removal continues in the kernel long after. So a cgroup that a run leaves
unchanged is given to the next run, and the keeper waits in a free one: its children are born there, and it
needs to move only once. The run that has a cgroup is recorded in an extended attribute, for the successor of
a keeper that died. If the kernel cannot store that, or counts something that cannot be reset, every run has a
cgroup of its own name, and the keeper waits in its home.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from locksided.keeper.tree import proc
from locksided.keeper.tree.hierarchy import HOLDER, Hierarchy

MOST_FREE = 16
"""More than a keeper's runs need between the end of one and the start of the next."""
_FILE_BYTES = 4096
_USED_AGAIN = {"cgroup.procs": os.O_WRONLY, "cgroup.events": os.O_RDONLY, "cpu.stat": os.O_RDONLY}


class Place:
    """One cgroup; none of its files is kept open unless it is reused."""

    is_used_again = False

    def __init__(self, path: str) -> None:
        self.path = path
        self.spent = b""
        """The kernel's counters there before the run."""

    @classmethod
    def made(cls, path: str) -> "Place":
        """Create the cgroup. Raises OSError."""
        try:
            os.mkdir(path)
        except FileNotFoundError:
            os.makedirs(path)
        return cls(path)

    def read(self, name: str) -> bytes:
        """Return the content of a file. Raises OSError."""
        return proc.content(os.path.join(self.path, name))

    def enter(self) -> None:
        """Move this process into it. Raises OSError."""
        self.write("cgroup.procs", "0")

    def write(self, name: str, text: str) -> None:
        """Write a file. Raises OSError."""
        fd = os.open(os.path.join(self.path, name), os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(fd, text.encode("ascii"))
        finally:
            os.close(fd)

    def is_left(self) -> bool:
        """Return whether no process is in it or below it, by removing it, which the kernel may refuse."""
        try:
            os.rmdir(self.path)
        except FileNotFoundError:
            return True
        except OSError:
            return self._is_unpopulated() and self._is_removed_with_all_below()
        return True

    def _is_unpopulated(self) -> bool:
        try:
            return b"populated 0" in self.read("cgroup.events")
        except OSError:
            return False

    def _is_removed_with_all_below(self) -> bool:
        for folder, _, _ in os.walk(self.path, topdown=False):
            with suppress(OSError):
                os.rmdir(folder)
        return not os.path.exists(self.path)

    def remove(self) -> None:
        """Remove it; it stays while it contains processes."""
        self.is_left()


class KeptPlace(Place):
    """A cgroup that is reused by one run after the other."""

    is_used_again = True

    def __init__(self, path: str) -> None:
        """Open the files of the cgroup. Raises OSError."""
        super().__init__(path)
        self.holder = ""
        self._fds: dict[str, int] = {}
        try:
            self.give_to("")
            self._made_at = os.stat(path).st_mtime_ns
            for name, flags in _USED_AGAIN.items():
                self._fds[name] = os.open(f"{path}/{name}", flags | os.O_CLOEXEC)
        except OSError:
            self.remove()
            raise

    def give_to(self, holder: str) -> None:
        """Record the run that has it; empty if none has. Raises OSError."""
        os.setxattr(self.path, HOLDER, holder.encode())
        self.holder, self.spent = holder, b""

    def read(self, name: str) -> bytes:
        fd = self._fds.get(name)
        return super().read(name) if fd is None else os.pread(fd, _FILE_BYTES, 0)

    def enter(self) -> None:
        os.write(self._fds["cgroup.procs"], b"0")

    def is_left(self) -> bool:
        """Return whether the kernel counts no process, which is also its condition for removal."""
        return self._is_unpopulated() or not os.path.exists(self.path)

    @property
    def is_as_made(self) -> bool:
        """Whether it is not frozen, and never had a cgroup below it: creating one may change the controllers
        that it delegates.
        """
        about = os.stat(self.path)
        is_unchanged = about.st_nlink == 2 and about.st_mtime_ns == self._made_at
        return is_unchanged and b"frozen 0" in self.read("cgroup.events")

    def remove(self) -> None:
        for fd in self._fds.values():
            os.close(fd)
        self._fds.clear()
        super().is_left()


class Places:
    """Creates the cgroups of runs, assigns them, and moves the keeper."""

    def __init__(self, hierarchy: Hierarchy) -> None:
        self._folder = hierarchy.unified
        self._home_fd = hierarchy.home_fd
        self._can_keep = "memory" not in hierarchy.controllers  # its peak would be that of all runs
        self._free: list[KeptPlace] = []
        self._made = 0
        self._at: Place | None = None
        """The keeper's position; None at home."""

    @property
    def can_be_visited(self) -> bool:
        """Whether the keeper has a home to return to."""
        return self._home_fd is not None

    def take(self, holder: str, *, is_limited: bool) -> Place:
        """Return a cgroup for a run; a run with limits gets one of its own. Raises OSError."""
        if not is_limited and self._can_keep and self.can_be_visited:
            place = self._kept()
            if place is not None:
                place.give_to(holder)
                return place
        return Place.made(os.path.join(self._folder, holder))

    def give_back(self, place: Place) -> None:
        """Take back a cgroup that has no processes left."""
        with suppress(OSError):
            if isinstance(place, KeptPlace) and len(self._free) < MOST_FREE and place.is_as_made:
                place.give_to("")
                self._free.append(place)
                return
        place.remove()

    @contextmanager
    def visiting(self, place: Place) -> Iterator[None]:
        """Let the keeper's children be born there. Raises OSError with the keeper where it was."""
        if self._at is not place:
            place.enter()
            self._leave_for(place)
        if place.is_used_again and not place.spent:
            place.spent = place.read("cpu.stat")
        try:
            yield
        finally:
            self._move_on()

    def keep_out(self, place: Place) -> None:
        """Leave a cgroup in which nothing was started: the keeper must not belong to a run."""
        if self._at is place:
            self.go_home()

    def go_home(self) -> None:
        """Move to where no run will be."""
        if self._at is None or self._home_fd is None:
            return
        try:
            os.write(self._home_fd, b"0")
        except OSError as error:
            # A keeper in a run's cgroup would be killed with the run: better to end now, with an error.
            raise RuntimeError(f"the keeper cannot leave the cgroup {self._at.path}: {error}") from error
        self._leave_for(None)

    def _leave_for(self, place: Place | None) -> None:
        """Record the keeper's new position; a cgroup in which it only waited becomes free."""
        before, self._at = self._at, place
        if isinstance(before, KeptPlace) and not before.holder:
            self._free.append(before)

    def _move_on(self) -> None:
        """Leave a run's cgroup for the one that the next run gets."""
        place = self._spare() if self._can_keep else None
        if place is None:
            self.go_home()
            return
        try:
            place.enter()
        except OSError:
            place.remove()
            self.go_home()
        else:
            self._at = place

    def _kept(self) -> KeptPlace | None:
        """Return the cgroup in which the keeper waits, else any other."""
        at = self._at
        return at if isinstance(at, KeptPlace) and not at.holder else self._spare()

    def _spare(self) -> KeptPlace | None:
        """Return a free cgroup, created if needed; None if none can be reused."""
        if self._free:
            return self._free.pop()
        self._made += 1
        try:
            path = os.path.join(self._folder, f"place-{self._made}")
            os.mkdir(path)
            return KeptPlace(path)
        except OSError as error:
            self._can_keep = error.errno in _PASSING
            return None


_PASSING = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EINTR, errno.EAGAIN, errno.ENOSPC)
"""Errors that may not recur; others mean that the kernel lacks a feature."""
