"""The operation `vacuum`: removes files of no kept version, leftovers, old log entries, and the trash.

delta-rs has a vacuum, too, but it knows neither the versions pinned by jobs nor staged commits, whose files
it would take for leftovers.
"""

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from locksided.steps.lake import deltalog
from locksided.steps.program import UserFault, say
from locksided.tables.names import version_of_checkpoint, version_of_entry
from locksided.tables.orders import TableOrder

DAY_SECONDS = 86_400
LOG_DAYS = 30


@dataclass(slots=True)
class Sweep:
    """Removes old files, or only counts them. `now` is in seconds since the epoch."""

    now: float
    is_dry: bool
    files: int = 0
    size_bytes: int = 0

    def is_older(self, path: Path, days: float) -> bool:
        """Return whether the file was last written at least `days` ago; False if it is gone."""
        try:
            return path.lstat().st_mtime < self.now - days * DAY_SECONDS
        except FileNotFoundError:
            return False

    def remove(self, path: Path) -> None:
        """Remove a file, or a folder with its content."""
        inside = (
            [path]
            if not path.is_dir()
            else [Path(at, name) for at, _, names in os.walk(path) for name in names]
        )
        self.files += len(inside)
        self.size_bytes += sum(one.lstat().st_size for one in inside)
        if self.is_dry:
            return
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def vacuum(order: Mapping[str, Any]) -> dict[str, Any]:
    """Clean all tables of the order. A table that cannot be cleaned is logged and makes the job a warning."""
    root = Path(order["root"])
    sweep = Sweep(order["timeUs"] / 1e6, order["parameters"].get("dryRun", False))
    problems = 0
    for table in msgspec.convert(order["tables"], list[TableOrder], strict=False):
        try:
            for path in _unneeded(sweep, root / table.folder, table):
                sweep.remove(path)
        except (UserFault, OSError) as fault:
            problems += 1
            say(f'Table "{table.id}" is left as it is: {fault}')
    for path in _unknown_trash(sweep, root, order["buckets"], frozenset(order["trash"])):
        sweep.remove(path)
    for path in (root / one for one in order["files"]):
        sweep.remove(path)
    verb = "can be removed" if sweep.is_dry else "were removed"
    message = f"{sweep.files} files of {sweep.size_bytes} bytes {verb}."
    return {"message": message, "result": {}, "warning": problems > 0}


def _unneeded(sweep: Sweep, folder: Path, table: TableOrder) -> Iterator[Path]:
    """Yield files of a table that nobody needs. Raises UserFault if others wrote to it, or it is damaged."""
    assert table.version is not None
    entries = sorted(os.listdir(folder / deltalog.LOG))
    foreign = [name for name in entries if (version_of_entry(name) or 0) > table.version]
    if foreign:
        raise UserFault(f"another program wrote {foreign[0]}.")
    kept = _kept(folder, table)
    for path in folder.glob("*.parquet"):
        if path.name not in kept and sweep.is_older(path, 1):
            yield path
    staged = set(table.staged.values())
    for path in (folder / deltalog.STAGED).iterdir():
        if path.name not in staged and sweep.is_older(path, 1):
            yield path
    for path in (folder / "_lockside").glob("checkpoint.*"):
        if sweep.is_older(path, 1):
            yield path
    yield from _old_entries(sweep, folder / deltalog.LOG, entries, table.oldest)


def _unknown_trash(sweep: Sweep, root: Path, buckets: Sequence[str], known: frozenset[str]) -> Iterator[Path]:
    """Yield tables in these buckets' trash that the database does not know, unless just moved there."""
    for bucket in buckets:
        for path in (root / bucket / ".trash").glob("*"):
            is_old = path.lstat().st_ctime < sweep.now - DAY_SECONDS
            if is_old and f"{bucket}/.trash/{path.name}" not in known:
                yield path


def _kept(folder: Path, table: TableOrder) -> set[str]:
    """Return the files of all kept versions."""
    assert table.version is not None
    kept = set(deltalog.read(folder, msgspec.structs.replace(table, version=table.oldest)).adds)
    for version in range(table.oldest + 1, table.version + 1):
        actions = deltalog.entry(folder, table, version)
        kept.update(action["add"]["path"] for action in actions if "add" in action)
    return kept


def _old_entries(sweep: Sweep, log: Path, names: list[str], oldest: int) -> Iterator[Path]:
    """Yield log entries and checkpoints before the newest old checkpoint that all kept versions follow."""
    known = {name: version_of_checkpoint(name) for name in names}
    old = [
        version
        for name, version in known.items()
        if version is not None and version <= oldest and sweep.is_older(log / name, LOG_DAYS)
    ]
    for name in names:
        version = known[name] if known[name] is not None else version_of_entry(name)
        if version is not None and version < max(old, default=0):
            yield log / name
