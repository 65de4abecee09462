"""Locations: the state folder, the sockets, and the folder of each job. No file is accessed here."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from locksided.settings import SYSTEM_STATE_DIR


def find_state_dir(asked: str, setting: str, environment: Mapping[str, str]) -> Path:
    """Return the state folder: requested, set, systemd's, the user's, or for root /var/lib/lockside."""
    systemd = environment.get("STATE_DIRECTORY", "").split(":")[0]
    named = asked or setting or systemd
    if named:
        return Path(named).absolute()
    xdg = environment.get("XDG_STATE_HOME")
    if xdg:
        return Path(xdg) / "lockside"
    if os.geteuid() == 0:
        return SYSTEM_STATE_DIR
    return Path(environment.get("HOME") or Path.home()) / ".local" / "state" / "lockside"


def find_socket(
    asked: str, setting: str, state_dir: Path, environment: Mapping[str, str], *, is_apart: bool
) -> Path:
    """Return where to listen, if systemd passes no socket.

    A daemon that `is_apart` was given its state folder: clients' variables refer to another daemon.
    """
    named = asked or ("" if is_apart else environment.get("LOCKSIDE_SOCKET", "")) or setting
    if is_apart and not named:
        return state_dir / "lockside.sock"
    if named:
        return Path(named).absolute()
    if environment.get("RUNTIME_DIRECTORY"):
        return Path(environment["RUNTIME_DIRECTORY"].split(":")[0]) / "lockside.sock"
    if environment.get("XDG_RUNTIME_DIR"):
        return Path(environment["XDG_RUNTIME_DIR"]) / "lockside" / "lockside.sock"
    return state_dir / "lockside.sock"


@dataclass(frozen=True, slots=True)
class StateDir:
    """The layout of the state folder."""

    root: Path

    @property
    def database(self) -> Path:
        """The one SQLite file."""
        return self.root / "lockside.db"

    @property
    def database_files(self) -> list[Path]:
        """The database, and its log of committed but not yet checkpointed pages."""
        return [self.database, Path(f"{self.database}-wal")]

    @property
    def lock(self) -> Path:
        """Held by the one daemon of this folder; it contains the daemon's pid."""
        return self.root / "lock"

    @property
    def backups(self) -> Path:
        """Copies of the database made before migrations and on request."""
        return self.root / "backups"

    @property
    def recordings(self) -> Path:
        """Inputs of the scheduler, recorded for debugging."""
        return self.root / "recordings"

    @property
    def keepers(self) -> Path:
        """One socket per keeper that may be alive."""
        return self.root / "keeper"

    @property
    def executors(self) -> Path:
        """The socket, the log and the state of each kind of executor."""
        return self.root / "executors"

    @property
    def spares(self) -> Path:
        """Empty folders that keepers reuse from run to run."""
        return self.keepers / "spare"

    @property
    def containers(self) -> Path:
        """Container images, a folder for each account."""
        return self.root / "containers"

    @property
    def asides(self) -> Path:
        """Folders of programs outside jobs, as deep as those of jobs; removed after the program."""
        return self.root / "asides" / "0"

    @property
    def lake(self) -> Path:
        """The tables, unless a setting puts them elsewhere."""
        return self.root / "lake"
