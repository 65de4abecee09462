"""The orders of the elements of job arrays: a file for each array, in the folder shared by all nodes."""

import os
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from locksided.keeper import clock

KEPT_SECONDS = 3600.0
"""The minimum time: the engine may accept an unanswered array late."""


class Arrays:
    """The files of the arrays submitted by this process or an earlier one."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[str, tuple[str, ...]]] = {}
        """By an array's name, its file and the control folders of its elements."""

    def write(self, work_root: str, name: str, controls: Sequence[str]) -> str:
        """Write the elements of a new array to a file; return its path. Raises OSError."""
        path = _path(work_root, name)
        os.makedirs(os.path.dirname(path), 0o755, exist_ok=True)
        os.chmod(os.path.dirname(path), 0o755)  # noqa: S103 - as the file below
        Path(path).write_text("".join(f"{control}\n" for control in controls), "utf-8")
        os.chmod(path, 0o644)  # the nodes read it as the job's user
        self._known[name] = path, tuple(controls)
        return path

    def control(self, work_roots: Iterable[str], name: str, id_: str) -> str | None:
        """Return the control folder of an element of an array with this name; None if it is not ours."""
        place = id_.partition("_")[2]
        if not place.isdigit() or "." not in name:
            return None
        if name not in self._known:
            paths = (_path(root, name) for root in work_roots)
            path = next((one for one in paths if "/" not in name and os.path.isfile(one)), "")
            self._known[name] = path, tuple(Path(path).read_text("utf-8").splitlines()) if path else ()
        controls = self._known[name][1]
        return controls[int(place)] if int(place) < len(controls) else None

    def tidy(self, names: Collection[str]) -> None:
        """Remove the files of arrays that the engine no longer knows, by the names that it knows."""
        for name in [one for one in self._known if one not in names]:
            path = self._known[name][0]
            with suppress(OSError):
                if path and clock.wall_us() / 1e6 - os.stat(path).st_mtime < KEPT_SECONDS:
                    continue
                os.unlink(path)
            del self._known[name]


def _path(work_root: str, name: str) -> str:
    return f"{work_root}/.lockside/arrays/{name}"
