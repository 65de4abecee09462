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
        os.symlink(word, path)
    except FileExistsError:
        return os.readlink(path)
    return None
