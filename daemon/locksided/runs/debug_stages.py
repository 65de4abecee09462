"""The snapshots of a debug run: a zip of the data folder before each step, and one after the last of a row.

Synchronous; called in threads. Nothing else of such a run is kept: its data folder is removed at its end.
"""

import os
from collections.abc import Iterator, Sequence
from typing import Any

from locksided.runs.as_account import perform
from locksided.runs.environment import JobContext
from locksided.runs.folder import RunFolder
from locksided.runs.plan import Step

OUTPUT = "stage_output"
_PRIVATE, _TRAVERSABLE = 0o700, 0o711


def stage_before(steps: Sequence[Step], step: Step) -> str:
    """Return the name of the stage before a step; each row is numbered separately."""
    return f"stage_{sum(1 for one in steps[: step.index] if one.row == step.row and one.has_data)}"


def keep_stage(name: str, row: str | None, context: JobContext, secrets: Sequence[str]) -> None:
    """Keep the data folder as it is now, replacing an earlier stage of that name. Raises `OSError`.

    The zip belongs to the job's account. If the folder is gone already, it was kept before.
    """
    folder, run_as = context.folder, context.run_as
    if not os.path.isdir(folder.data):
        return
    where = folder.debug(row)
    for path in (folder.debug(None), where):
        os.makedirs(path, _PRIVATE if run_as is None else _TRAVERSABLE, exist_ok=True)
    target = f"{where}/{name}.zip"
    with open(os.open(target + ".new", os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        perform(folder.data, "pack", {"out_fd": file.fileno(), "secrets": list(secrets)}, run_as)
        if run_as is not None:
            os.fchown(file.fileno(), run_as.uid, run_as.gid)
    os.rename(target + ".new", target)


def kept_stages(folder: RunFolder, steps: Sequence[Step]) -> list[dict[str, Any]]:
    """Return `result.artifacts.stages`: the existing stages, row by row in order."""
    return [
        {
            "name": name,
            "row": row,
            "path": os.path.relpath(path, folder.root),
            "sizeBytes": os.stat(path).st_size,
        }
        for row, name in _names(steps)
        if os.path.isfile(path := f"{folder.debug(row)}/{name}.zip")
    ]


def _names(steps: Sequence[Step]) -> Iterator[tuple[str | None, str]]:
    for step in steps:
        if not step.has_data:
            continue
        yield step.row, stage_before(steps, step)
        if step.ends_row:
            yield step.row, OUTPUT
