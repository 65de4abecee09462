"""Decides a token once: the first to create the symbolic link `claim` wins; its target names the winner."""

import os

STARTED = "started"
BURNT = "burnt"


class Claims:
    """Makes claims; those of one word are hard links to one link while the file system allows more."""

    def __init__(self) -> None:
        self._last: dict[str, str] = {}

    def claim(self, folder: str, word: str) -> str | None:
        """Claim the token of this control folder. Raises OSError.

        Returns None if that succeeded, else the word of the first claim.
        """
        path = os.path.join(folder, "claim")
        try:
            self._make(word, path)
        except FileExistsError:
            return os.readlink(path)
        return None

    def _make(self, word: str, path: str) -> None:
        """Create the link, and the folder if it does not exist."""
        try:
            self._link(word, path)
        except FileNotFoundError:
            _make_folder(os.path.dirname(path))
            try:
                self._link(word, path)
            except FileNotFoundError:  # the last link was removed
                self._last.pop(word, None)
                self._link(word, path)

    def _link(self, word: str, path: str) -> None:
        """Link to the last link, which is cheaper than a new one, and as exclusive."""
        last = self._last.get(word)
        if last is not None:
            try:
                os.link(last, path, follow_symlinks=False)
            except (FileExistsError, FileNotFoundError):
                raise
            except OSError:
                pass  # the last one has the most links possible
            else:
                return
        os.symlink(word, path)
        self._last[word] = path


def _make_folder(path: str) -> None:
    """Create a folder with missing parents: usually the job's folder and one in it."""
    steps = os.path.dirname(path)
    for folder in (os.path.dirname(steps), steps, path):
        try:
            os.mkdir(folder, 0o700)
        except FileExistsError:
            continue
        except FileNotFoundError:
            _make_folder(folder)
