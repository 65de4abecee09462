"""Decides a token once: whoever makes the symbolic link `claim` first wins, its target says who that was."""

import os

STARTED = "started"
BURNT = "burnt"


class Claims:
    """Makes claims; those of one word are names of one link while the file system has room for more."""

    def __init__(self) -> None:
        self._last: dict[str, str] = {}

    def claim(self, folder: str, word: str) -> str | None:
        """Claim the token whose control folder this is. Raises OSError.

        None if that succeeded, else the word of whoever came first.
        """
        path = os.path.join(folder, "claim")
        try:
            self._make(word, path)
        except FileExistsError:
            return os.readlink(path)
        return None

    def _make(self, word: str, path: str) -> None:
        """Make the link, and the folder if nobody else needed it before."""
        try:
            self._link(word, path)
        except FileNotFoundError:
            _make_folder(os.path.dirname(path))
            try:
                self._link(word, path)
            except FileNotFoundError:  # it was the last link that is gone
                self._last.pop(word, None)
                self._link(word, path)

    def _link(self, word: str, path: str) -> None:
        """Another name of the last link is cheaper than a new one, and as exclusive."""
        last = self._last.get(word)
        if last is not None:
            try:
                os.link(last, path, follow_symlinks=False)
            except (FileExistsError, FileNotFoundError):
                raise
            except OSError:
                pass  # the last one has all the names that it can have
            else:
                return
        os.symlink(word, path)
        self._last[word] = path


def _make_folder(path: str) -> None:
    """Make it with all above it that is missing: most often that is the job's folder and one in it."""
    steps = os.path.dirname(path)
    for folder in (os.path.dirname(steps), steps, path):
        try:
            os.mkdir(folder, 0o700)
        except FileExistsError:
            continue
        except FileNotFoundError:
            _make_folder(folder)
