"""What is not as it should be: the database, the jobs against the keeper, folders without a job, rights."""

import os
import stat
from pathlib import Path
from typing import Any

from anyio import to_thread

from locksided.api.service import Service

Problem = dict[str, Any]

FOLDERS_LOOKED_AT = 100_000


async def problems(service: Service) -> list[Problem]:
    """Everything found; empty when all is well."""
    found = [_problem("database", text, "restore the last backup") for text in await service.store.check()]
    if not service.link.is_up:
        found.append(_problem("keeper", "The keeper does not answer: no job can start.", "see keeper/log"))
    for stray in service.link.hello.get("strays", ()) if service.link.is_up else ():
        text = f"Process {stray['pid']} ({stray['name']}) was left by a job, nobody knows which."
        found.append(_problem("stray_process", text, f"kill {stray['pid']}", **stray))
    trouble = service.scheduler.trouble
    if trouble is not None:
        found.append(_problem("store", f"The store cannot be written: {trouble.cause}.", "free disk space"))
    found += _rights(service)
    folders = await to_thread.run_sync(_job_folders, service.state_dir.root)
    found += await _orphans(service, folders)
    return found


def _problem(kind: str, message: str, repair: str | None, **details: Any) -> Problem:
    return {"kind": kind, "message": message, "repair": repair, "details": details}


def _rights(service: Service) -> list[Problem]:
    found = []
    mode = stat.S_IMODE(os.stat(service.state_dir.root).st_mode)
    if mode & 0o066:
        text = f"{service.state_dir.root} can be read or changed by others (mode {mode:o})."
        found.append(_problem("rights", text, f"chmod 700 {service.state_dir.root}"))
    return found


def _job_folders(root: Path) -> dict[int, str]:
    """The folders of jobs by id."""
    folders: dict[int, str] = {}
    runs = root / "runs"
    for shard in sorted(runs.iterdir()) if runs.is_dir() else ():
        for entry in os.scandir(shard):
            if entry.name.isdecimal() and len(folders) < FOLDERS_LOOKED_AT:
                folders[int(entry.name)] = entry.path
    return folders


async def _orphans(service: Service, folders: dict[int, str]) -> list[Problem]:
    cleaned = {row.id: row.cleaned_us is not None for row in await service.store.job_rows(folders)}
    found = []
    for job_id, path in sorted(folders.items()):
        if job_id not in cleaned:
            text = f"{path} belongs to no job."
        elif cleaned[job_id]:
            text = f"{path} is past its time; something in it is not its job's to remove."
        else:
            continue
        found.append(_problem("orphan_folder", text, f"rm -r {path}", path=path))
    return found
