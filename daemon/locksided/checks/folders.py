"""The jobs' folders: those without a job, and those that contradict the database."""

import os
import stat
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path

from locksided import threads
from locksided.backends.claims import ControlFolders
from locksided.backends.messages import read_outcome
from locksided.checks.problem import Problem
from locksided.keeper import outcome
from locksided.keeper.log.format import LARGEST_TIME_US
from locksided.keeper.messages import Outcome
from locksided.runs.data_folder import remove_folder
from locksided.runs.folder import RunFolder
from locksided.store.rows import JobRow
from locksided.store.store import Store

FOLDERS_LOOKED_AT = 100_000
STARTED = "started"
FINAL_BY_CODE = ("success", "warning", "error")


async def check(store: Store, root: Path) -> list[Problem]:
    """Return all problems below the state folder."""
    folders = await threads.run_sync(job_folders, root)
    rows = {row.id: row for row in await store.job_rows(folders)}
    orphans = [_orphan(path) for job_id, path in sorted(folders.items()) if job_id not in rows]
    stays = [_stay(folders[row.id]) for row in rows.values() if row.cleaned_us is not None]
    contradictions = await threads.run_sync(_all_contradictions, folders, rows)
    return [*rights(root), *orphans, *stays, *contradictions]


def rights(root: Path) -> list[Problem]:
    """Check that others cannot read or change the state folder; their jobs may pass through it."""
    try:
        found = os.stat(root)
    except OSError:
        return []  # another check reports an unreachable folder
    mode = stat.S_IMODE(found.st_mode)
    if not mode & 0o066:
        return []
    text = f"{root} can be read or changed by others (mode {mode:o})."
    mend = partial(threads.run_sync, os.chmod, root, mode & ~0o066)
    return [Problem("rights", text, f"chmod go-rw {root}", _us(found.st_ctime), mend)]


def job_folders(root: Path) -> dict[int, str]:
    """Return the folders of jobs by id."""
    folders: dict[int, str] = {}
    runs = root / "runs"
    for shard in sorted(runs.iterdir()) if runs.is_dir() else ():
        for entry in os.scandir(shard):
            if entry.name.isdecimal() and len(folders) < FOLDERS_LOOKED_AT:
                folders[int(entry.name)] = entry.path
    return folders


def _orphan(path: str) -> Problem:
    mend = partial(threads.run_sync, remove_folder, RunFolder(path), None)
    text = f"{path} belongs to no job."
    return Problem("orphan_folder", text, f"rm -r {path}", _changed_us(path), mend, {"path": path})


def _stay(path: str) -> Problem:
    text = f"{path} is past its time; something in it is not its job's to remove."
    return Problem("orphan_folder", text, f"rm -r {path}", _changed_us(path), None, {"path": path})


def _all_contradictions(folders: Mapping[int, str], rows: Mapping[int, JobRow]) -> list[Problem]:
    return [
        problem
        for job_id, path in sorted(folders.items())
        if (row := rows.get(job_id)) is not None and row.end_us is not None
        for problem in (*_contradictions(path, row), *_unreadable(path, row))
    ]


def _contradictions(path: str, row: JobRow) -> list[Problem]:
    """Return contradictions between the claims and outcomes of a final job and its row."""
    started = [step for step in _steps(path) if _claim(step) == STARTED]
    if row.status == "cancelled":
        text = f"Job {row.id} is cancelled, but a keeper was told to start it ({{step}})."
        repair = "see its log for what ran; `cancelled` cannot be relied upon for it"
        return [_difference(row, text.format(step=step), repair, step) for step in started]
    if row.status not in FINAL_BY_CODE:
        return []
    step = f"{path}/steps/{row.launches}-{row.step}"
    seen = _outcome(step)
    known = _exit_code(row)
    if seen is None or seen.lost or seen.unreadable is not None:
        return []
    if seen.refused is None and seen.exit_code != known:
        text = f"Job {row.id} ended with exit code {known}, its keeper wrote down {seen.exit_code}."
        return [_difference(row, text, "the database stands; see the job's log for what happened", step)]
    return []


def _exit_code(row: JobRow) -> int | None:
    """Return the exit code of the last step, or without steps that of the process."""
    steps = (row.result or {}).get("steps") or [row.process or {}]
    last = next((one for one in reversed(steps) if one.get("step") == row.step + 1), steps[-1])
    code: int | None = last.get("exitCode")
    return code


def _unreadable(path: str, row: JobRow) -> list[Problem]:
    """Return the unreadable records of a final job, written by earlier releases with fewer checks."""
    found = []
    for step in _steps(path):
        record = _outcome(step)
        problem = None if record is None else record.unreadable
        if problem is not None:
            file = f"{step}/{outcome.FILE}"
            text = f"What the keeper recorded of job {row.id} cannot be read ({problem})."
            mend = partial(threads.run_sync, os.unlink, file)
            details = {"job": str(row.id), "path": file}
            repair = "remove the record: the job is final in the database"
            found.append(Problem("outcome", text, repair, _changed_us(file), mend, details))
    return found


def _difference(row: JobRow, text: str, repair: str, step: str) -> Problem:
    return Problem("outcome", text, repair, row.end_us, None, {"job": str(row.id), "path": step})


def _steps(path: str) -> list[str]:
    with suppress(FileNotFoundError):
        return sorted(entry.path for entry in os.scandir(f"{path}/steps"))
    return []


def _claim(step: str) -> str | None:
    with suppress(OSError):
        return os.readlink(f"{step}/claim")
    return None


def _outcome(step: str) -> Outcome | None:
    record = ControlFolders().recorded(step)
    return None if record is None else read_outcome(record)


def _changed_us(path: str) -> int | None:
    with suppress(OSError):
        return _us(os.stat(path).st_mtime)
    return None


def _us(seconds: float) -> int:
    return min(max(int(seconds * 1_000_000), 0), LARGEST_TIME_US)  # a file's user can set any time
