"""Decides a token once: whoever makes the symbolic link `claim` first wins, its target says who that was."""

import os

STARTED = "started"
BURNT = "burnt"


def claim(folder: str, word: str) -> str | None:
    """Claim the token whose control folder this is;

    None if that succeeded, else the word of whoever came first.
    """
    path = os.path.join(folder, "claim")
    try:
        _make(word, path)
    except FileExistsError:
        return os.readlink(path)
    return None


def _make(word: str, path: str) -> None:
    """Make the link, and the folder if nobody else needed it before."""
    try:
        os.symlink(word, path)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
        os.symlink(word, path)
