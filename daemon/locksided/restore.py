"""`locksided --restore FILE`: puts a backup in the place of the database, while no daemon runs.

The previous database is kept, and so are the folders of all jobs that are not final in the backup: nothing
that happened after it can be mistaken for a result of jobs started from it. Jobs that ran when the backup was
made count as lost. The next daemon starts nothing until it is told to (`undrain`).
"""

import json
import os
import select
import shutil
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from locksided import clock
from locksided.backends.lines import LINE_BYTES
from locksided.backends.sockets import connected
from locksided.keeper.wire import VERSION
from locksided.paths import StateDir
from locksided.state_folder import take_lock
from locksided.store import restored_copy
from locksided.store.restored_copy import Contents, Numbers

KEEPER_SECONDS = 15.0
UNKNOWN_IDS = 1_000
UNKNOWN_EVENTS = 1_000_000
UNKNOWN_SERIALS = 1_000_000
UNKNOWN_FILES = 100_000


class RestoreError(Exception):
    """Nothing is restored or changed; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What was done: where the previous database is, and what happened to the jobs."""

    backup: Path
    place: Path
    kept: Path
    contents: Contents
    ran_since: list[int]
    given: Numbers


def restore(place: StateDir, backup: Path, keeper_sockets: str = "") -> Restored:
    """Put a backup in the place of the database.

    Raises AnotherDaemonError, RestoreError, StoreError or OSError; then the database is unchanged.
    """
    if not backup.is_file():
        raise RestoreError(f"There is no file {backup}: `{place.backups}` has the backups that were made.")
    if place.database.exists() and backup.samefile(place.database):
        raise RestoreError(f"{backup} is the database itself: name a backup of it.")
    with backup.open("rb") as source:
        _become_owner(place.root)
        lock = take_lock(place.lock)
        try:
            named = [Path(path) for path in keeper_sockets.split(":") if path]
            _end_keepers([*place.keepers.glob("*.sock"), *named])
            part = place.root / "lockside.db.restoring"
            _forget(part)
            with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as target:
                shutil.copyfileobj(source, target)
            try:
                return _put_in_place(place, backup, part)
            finally:
                _forget(part)
        finally:
            lock.release()


def _become_owner(root: Path) -> None:
    """As root switch to the folder's owner, whose daemon will use these files."""
    about = root.stat()
    if os.geteuid() == 0 and about.st_uid != 0:
        os.setgroups([])
        os.setegid(about.st_gid)
        os.seteuid(about.st_uid)


def _put_in_place(place: StateDir, backup: Path, part: Path) -> Restored:
    contents = restored_copy.check(str(part), str(place.backups), str(backup))
    now_us = clock.now_us()
    before = restored_copy.look(str(place.database))
    folders = _job_folders(place)
    given = _given(contents, before, folders)
    restored_copy.prepare(str(part), given, now_us, str(backup), contents.running)
    kept = _kept_aside(place)
    unknown = {job_id: path for job_id, path in folders.items() if _is_unknown(job_id, contents)}
    ran_since = _ran_since(unknown, contents)
    for path in unknown.values():
        target = kept / path.relative_to(place.root)
        target.parent.mkdir(parents=True, exist_ok=True)
        os.rename(path, target)
    for suffix in ("-wal", "-shm", ""):
        old = Path(f"{place.database}{suffix}")
        if old.exists():
            os.link(old, kept / old.name)
            if suffix:
                old.unlink()
    os.rename(part, place.database)
    for folder in (kept, place.backups, place.root):
        _sync(folder)
    return Restored(backup, place.root, kept, contents, ran_since, given)


def _kept_aside(place: StateDir) -> Path:
    kept = place.backups / f"before-restore-{clock.real_stamp()}"
    kept.mkdir(mode=0o700, parents=True)
    return kept


def _given(contents: Contents, before: Contents | None, folders: dict[int, Path]) -> Numbers:
    """Return the highest numbers ever assigned; with a margin if the database is unreadable."""
    given = contents.given
    job_id = max([given.job_id, *folders])
    if before is None:
        return Numbers(
            job_id + UNKNOWN_IDS,
            given.seq + UNKNOWN_EVENTS,
            given.serial + UNKNOWN_SERIALS,
            given.file_id + UNKNOWN_FILES,
        )
    found = before.given
    return Numbers(
        max(job_id, found.job_id),
        max(given.seq, found.seq),
        max(given.serial, found.serial),
        max(given.file_id, found.file_id),
    )


def _job_folders(place: StateDir) -> dict[int, Path]:
    runs = place.root / "runs"
    return {
        int(path.name): path
        for shard in (runs.iterdir() if runs.is_dir() else ())
        for path in (shard.iterdir() if shard.is_dir() else ())
        if path.name.isdecimal()
    }


def _is_unknown(job_id: int, contents: Contents) -> bool:
    """Return whether the backup does not know how the job ended."""
    return job_id in contents.live or job_id > contents.given.job_id


def _ran_since(unknown: dict[int, Path], contents: Contents) -> list[int]:
    """Return jobs not started in the backup but started since, according to their folders."""
    return sorted(
        job_id
        for job_id, path in unknown.items()
        if job_id in contents.live - contents.running and any(map(_is_started, path.glob("steps/*")))
    )


def _is_started(step: Path) -> bool:
    with suppress(OSError):
        return os.readlink(step / "claim") != "burnt"
    return False


def _end_keepers(sockets: list[Path]) -> None:
    """End the keepers without runs. Raises RestoreError if one still has a running job."""
    for path in sockets:
        with suppress(FileNotFoundError, ConnectionRefusedError):
            _end_keeper(path)


def _end_keeper(path: Path) -> None:
    with connected(path) as link:
        link.settimeout(KEEPER_SECONDS)
        link.sendall(json.dumps({"op": "hello", "version": VERSION}).encode() + b"\n")
        with link.makefile("rb") as lines:
            hello = json.loads(lines.readline(LINE_BYTES))
    if not isinstance(hello.get("runs"), list):
        raise RestoreError(f"A keeper of another release listens on {path}: end it, then restore again.")
    running = sorted({run["token"].partition("-")[0] for run in hello["runs"] if run["state"] != "ended"})
    pid = int(hello["pid"])
    if running:
        raise RestoreError(
            f"The keeper (pid {pid}) still runs jobs {', '.join(running)}: wait until they have ended, "
            f"or stop them with it: kill {pid}"
        )
    with suppress(ProcessLookupError):
        handle = os.pidfd_open(pid)
        try:
            signal.pidfd_send_signal(handle, signal.SIGTERM)
            if not select.select([handle], [], [], KEEPER_SECONDS)[0]:
                raise RestoreError(f"The keeper (pid {pid}) does not end: kill it, then restore again.")
        finally:
            os.close(handle)


def _forget(part: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        Path(f"{part}{suffix}").unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def story(done: Restored) -> str:
    """Describe what was done, in lines for a person."""
    contents = done.contents
    lines = [
        f"restored {done.backup} into {done.place}: {contents.jobs} jobs, {len(contents.live)} not ended",
        f"  the database before, and folders of jobs that the backup does not know: {done.kept}",
        f"  the next job is {done.given.job_id + 1}",
    ]
    if contents.key_ids:
        lines.append(f"  the keys of its secrets, which are not in it: {', '.join(sorted(contents.key_ids))}")
    if contents.running:
        lines.append(f"  ran when the backup was made and count as lost: {_listed(contents.running)}")
    if done.ran_since:
        lines.append(
            f"  ran since the backup was made and would run again: {_listed(done.ran_since)}; "
            "`lockside kill` those that must not"
        )
    lines.append("Next: start locksided. It starts no job until `lockside undrain`.")
    return "\n".join(lines)


def _listed(ids: frozenset[int] | list[int]) -> str:
    shown = sorted(ids)
    more = f" and {len(shown) - 20} more" if len(shown) > 20 else ""
    return ", ".join(map(str, shown[:20])) + more
