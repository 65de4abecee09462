"""`watcher FILE`: watch the folders listed in the file, and print JSON lines about settled files.

`{watch, name, inode, size, mtime, changed}` is a file, `{watch, gone}` the name of a file that no longer
exists, `{watch, listed}` follows all files found at the start, `{watch, broken}` says why it gave up. It runs
until it is stopped, as the user that the folders belong to.
"""

import json
import os
import select
import signal
import sys
from functools import partial
from time import monotonic
from typing import Any

from locksided.steps.watcher.folder_watches import FolderWatches
from locksided.steps.watcher.settling import MOST_FILES, Files, TooManyFilesError, Watch, watches_of


class Watcher:
    """All watches of one user."""

    def __init__(self, watches: list[Watch]) -> None:
        self._watches = {one.number: one for one in watches}
        self._files = {one.number: Files(one, partial(self._queue, watch=one.number)) for one in watches}
        self._polls = {one.number: monotonic() for one in watches if one.poll_seconds}
        self._folders = FolderWatches(dict.fromkeys(one.folder for one in watches))
        self._lines: list[str] = []

    def run(self) -> None:
        """Watch until this process is stopped. Raises OSError if the kernel's limit of watches is reached."""
        self._begin()
        while True:
            self._flush()
            readable = select.poll()
            readable.register(self._folders.descriptor, select.POLLIN)
            readable.poll(self._timeout_ms())
            self._handle_events()

    def _begin(self) -> None:
        self._folders.begin()
        for number in list(self._files):
            self._safely(number, Files.compare)

    def _handle_events(self) -> None:
        found, is_lost = self._folders.events()
        for folder, name, is_there in found:
            for number in [one for one, watch in self._watches.items() if watch.folder == folder]:
                self._safely(number, partial(_apply_event, name=name, is_there=is_there))
        if is_lost:
            self._begin()
        for number, due in self._polls.items():
            if due <= monotonic():
                self._polls[number] = monotonic() + (self._watches[number].poll_seconds or 0)
                self._safely(number, Files.compare)
        for number in list(self._files):
            self._safely(number, Files.settle)

    def _safely(self, number: int, work: Any) -> None:
        """Apply the work to the files of a watch; if there are too many, give the watch up."""
        files = self._files.get(number)
        if files is None:
            return
        try:
            work(files, now=monotonic())
        except TooManyFilesError:
            del self._files[number]
            self._queue(watch=number, broken=f"There are more than {MOST_FILES:,} files in its folder.")

    def _timeout_ms(self) -> float | None:
        """Return the milliseconds until the next due time; None to wait for the kernel only."""
        dues = [files.due for files in self._files.values() if files.due is not None]
        dues += [due for number, due in self._polls.items() if number in self._files]
        return max(min(dues) - monotonic(), 0) * 1000 + 1 if dues else None

    def _queue(self, **members: Any) -> None:
        self._lines.append(json.dumps(members))

    def _flush(self) -> None:
        if self._lines:
            sys.stdout.write("\n".join(self._lines) + "\n")
            sys.stdout.flush()
            self._lines.clear()


def _apply_event(files: Files, now: float, *, name: str, is_there: bool) -> None:
    if is_there:
        files.appeared(name, now)
    else:
        files.gone(name)


def _become(account: tuple[int, int, list[int]] | None) -> None:
    """Drop all other rights permanently."""
    if account is not None:
        uid, gid, groups = account
        os.setgroups(groups)
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)


def main() -> int:
    path = sys.argv[1]
    with open(path, "rb") as file:
        order = json.load(file)
    os.unlink(path)
    _become(order["account"])
    signal.signal(signal.SIGIO, signal.SIG_IGN)  # a lease that is broken before it is released
    Watcher(list(watches_of(order["watches"]))).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
