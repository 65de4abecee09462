"""An executor's record of each run, from the order to the acknowledgement: a file for each."""

import os
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields
from enum import Enum
from pathlib import Path
from typing import Any

from locksided.keeper import remote
from locksided.keeper.journal import Journal


class Phase(Enum):
    """The progress of a run."""

    SUBMITTING = "submitting"
    """It is not known whether the engine has it."""
    QUEUED = "queued"
    RUNNING = "running"
    """A runner has claimed it."""
    ENDED = "ended"


@dataclass
class Record:
    """One run. Times are in microseconds since the epoch."""

    token: str
    name: str
    folder: str
    work_root: str
    log_folder: str
    order: dict[str, Any]
    """What the engine needs to know."""
    ids: list[str] = field(default_factory=list)
    """The engine's ids of all its submissions."""
    retries: int = 0
    stop: bool = False
    paused: bool = False
    submitted_us: int | None = None
    outcome: dict[str, Any] | None = None
    """The outcome if this executor ended the run; otherwise it is in the run's folder."""
    quiet: tuple[str, Any, float] | None = None
    """A lease that was not renewed for a while: the id of this machine's boot, the beat, and the boot clock's
    seconds when it was new.
    """

    @property
    def owner(self) -> tuple[int, int] | None:
        """The user and the group that own the files of the run; None for the current user."""
        user = self.order.get("user")
        return None if user is None or os.geteuid() else (user["uid"], user["gid"])


class Records:
    """The files of one executor's runs."""

    def __init__(self, folder: str, journal: Journal) -> None:
        self._folder = folder
        self._journal = journal
        os.makedirs(folder, 0o700, exist_ok=True)

    def load(self) -> list[Record]:
        """Return all stored records. An unreadable one is skipped: the daemon asks for its run."""
        found = []
        known = {one.name for one in fields(Record)}
        for path in sorted(Path(self._folder).glob("*.json")):
            try:
                content = remote.read(self._folder, path.name, remote.ORDER_BYTES) or {}
                found.append(Record(**{name: value for name, value in content.items() if name in known}))
            except (OSError, TypeError) as error:
                self._journal.write("record not read", path=str(path), error=str(error))
        return found

    def save(self, record: Record) -> None:
        """Store the record. Raises OSError."""
        remote.write(self._folder, f"{record.token}.json", asdict(record))

    def remove(self, token: str) -> None:
        with suppress(FileNotFoundError):
            os.unlink(os.path.join(self._folder, f"{token}.json"))
