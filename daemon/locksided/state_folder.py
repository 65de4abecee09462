"""Whether a state folder can be used: it is the user's own, and no database is missing from it."""

import os
from pathlib import Path

from locksided.paths import StateDir


class ForeignFolderError(OSError):
    """The state folder is another user's."""


def prepare_state_dir(root: Path) -> StateDir:
    """Make the state folder when it is missing (0700). Raises ForeignFolderError for somebody else's."""
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    owner = root.stat().st_uid
    if owner not in (0, os.geteuid()):
        raise ForeignFolderError(
            f"The state folder {root} belongs to user {owner}, who could change all in it: "
            f"name another, or `chown -R {os.geteuid()} {root}`."
        )
    return StateDir(root)


class LostDatabaseError(OSError):
    """The state folder has jobs and no database."""


def refuse_lost_database(place: StateDir) -> None:
    """Raise LostDatabaseError where a database was: a new one would give its numbers again.

    Besides, SQLite removes the log of a database that does not exist, and with it what was accepted last.
    """
    log, runs = Path(f"{place.database}-wal"), place.root / "runs"
    left = [log] if log.exists() else []
    if runs.is_dir() and any(path.name.isdecimal() for path in runs.iterdir()):  # it may be a disk of its own
        left.append(runs)
    if left and not place.database.exists():
        raise LostDatabaseError(
            f"The database {place.database} is gone, but {left[0]} is there: put the database back or run "
            f"`locksided --restore FILE`; to begin anew, move {left[0]} away."
        )
