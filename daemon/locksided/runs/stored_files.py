"""Stored files as used by runs: the files a run reads, the numbers for files it stores, the stored files.

A step of the run's account moves the data; this module deals only with names.
"""

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from lockside.documents.file_query import read_query
from lockside.documents.stored_files import DEFAULT_LIMIT, InputFile
from lockside.documents.times import ADAPTIVE, moment_of
from locksided import clock, threads
from locksided.core.errors import Invalid
from locksided.runs.as_account import Unusable, perform
from locksided.runs.inspection import Save
from locksided.runs.loading import Run, config_id
from locksided.runs.operations import BadResult
from locksided.runs.plan import Step, configurations
from locksided.runs.safefs import NotPlain
from locksided.runs.step_results import kept_results
from locksided.settings import StorageSettings
from locksided.store.catalog.keys import DEFAULT
from locksided.store.input_states import InputFileState, InputState, input_state
from locksided.store.rows import RunRow, owner_data
from locksided.store.sql import Database
from locksided.store.store import Store
from locksided.store.stored_files import FileFilter, Writer, as_orders, find, reserve, reserved
from locksided.store.table_rows import FileRow
from locksided.tables.stored_files import (
    BadFiles,
    FileOrder,
    FilesOf,
    file_name,
    input_files,
    read_stored,
)


class StoredFiles:
    """The files below the lake's root. `save` runs a function with a transaction."""

    def __init__(self, store: Store, root: Path, settings: StorageSettings, save: Save) -> None:
        self._store = store
        self._root = root
        self._settings = settings
        self._save = save

    async def chosen(self, run: Run, row: str | None) -> dict[str, Any]:
        """Return the files that a row reads, as they are now. Raises Invalid for a missing one."""
        configuration = next(content for one, content in configurations(run.spec) if one == row)
        entries = input_files(configuration)
        found = await self._store.read(partial(_chosen, run=run, row=row, entries=entries))
        return {"files": [msgspec.to_builtins(one) for one in found]}

    async def to_store(self, run: Run, step: Step) -> dict[str, Any]:
        """Reserve numbers and a folder for the files of a step, as many as earlier steps left."""
        folder, launch = run.context.folder, run.context.launch
        outputs = [one.result["output"] for one in kept_results(folder, launch, step.index)]
        count = sum(len(one["files"]) + one.get("omitted", 0) for one in outputs) if step.index else 1
        if not count:
            return {}
        of = files_of(run)
        numbers = await self._save(
            partial(reserve, of=of, job_id=run.row.id, count=count, time_us=clock.now_us())
        )
        await threads.run_for(run.context.account, self._make_folder, of.folder, run)
        is_kept = self._settings.keep_output or not step.index
        return {"numbers": numbers, "filesFolder": of.folder, "keepsSources": is_kept}

    def _make_folder(self, path: str, run: Run) -> None:
        """Create the folder of the account's files; others cannot see its content."""
        folder, account = self._root / path, run.context.run_as
        if folder.is_dir():
            return
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        for above in (*list(folder.parents)[:3], self._root) if account is not None else ():
            above.chmod(0o711)
        folder.mkdir(mode=0o700)
        if account is not None:
            os.chown(folder, account.uid, account.gid, follow_symlinks=False)

    async def reserved(self, job_id: int) -> Sequence[int]:
        """Return the numbers reserved for a job."""
        return await self._store.read(partial(reserved, job_id=job_id))

    def checked(self, run: Run, document: Any, numbers: Sequence[int]) -> Sequence[Mapping[str, Any]]:
        """Return the files that a step stored, for the transaction that shows them. Raises BadResult."""
        account, folder = run.context.run_as, self._root / files_of(run).folder
        try:
            files = read_stored(document, numbers)
            for at in {one.id // 1000 for one in files}:
                names = [file_name(one.id, one.name) for one in files if one.id // 1000 == at]
                sizes = perform(str(folder / str(at)), "sizes", {"names": names}, account)["sizes"]
                expected = [one.size_bytes for one in files if one.id // 1000 == at]
                if sizes != expected:
                    raise BadFiles("Its files are not as long as it says")
        except (BadFiles, NotPlain, Unusable) as problem:
            raise BadResult(str(problem)) from None
        except FileNotFoundError as problem:
            raise BadResult(f"What it stored is not there: {problem.filename or problem}.") from None
        found: Sequence[Mapping[str, Any]] = msgspec.to_builtins(files)
        return found

    def writer(self, row: RunRow, run: Run) -> Writer:
        """Return the identity under which a run stores files."""
        now_us, spec = clock.now_us(), run.spec
        details = {
            "user": row.owner_name,
            "component": spec.component,
            "config": spec.config,
            "runId": row.run_id,
        }
        return Writer(
            project=row.project,
            branch=spec.branch_id,
            job_id=row.id,
            time_us=now_us,
            expires_us=now_us + int(self._settings.file_days * clock.DAY_US),
            details=details,
            principal=owner_data(row),
        )

    async def remove_sources(self, run: Run, files: Sequence[Mapping[str, Any]]) -> None:
        """Remove stored files from out/files; what cannot be removed stays."""
        if not self._settings.keep_output:
            await threads.run_for(run.context.account, self._remove_sources, run, files)

    def _remove_sources(self, run: Run, files: Sequence[Mapping[str, Any]]) -> None:
        for one in files:
            if one["place"]:
                argument = {"kind": "files", "name": one["source"]}
                with suppress(OSError, NotPlain, Unusable):
                    folder = f"{run.context.folder.root}/{one['place']}"
                    perform(folder, "remove_output", argument, run.context.run_as)


def files_of(run: Run) -> FilesOf:
    """Return the location of files of a run's account."""
    account = run.context.run_as
    return FilesOf(run.row.project, run.spec.branch_id, os.geteuid() if account is None else account.uid)


def _chosen(connection: Database, run: Run, row: str | None, entries: Sequence[InputFile]) -> list[FileOrder]:
    state = InputState() if run.row.config is None else input_state(connection, config_id(run.row), row)
    found: list[FileOrder] = []
    for place, entry in enumerate(entries):
        rows = _rows_of(connection, run, entry, state)
        found += [
            replace(one, created=clock.to_text(int(one.created)) or "")
            for one in as_orders(connection, rows, place)
        ]
    return found


def _rows_of(connection: Database, run: Run, entry: InputFile, state: InputState) -> list[FileRow]:
    """Return the files of an entry: those of the run's branch, or if none match, of the default branch."""
    wanted = FileFilter(
        run.row.project,
        run.spec.branch_id,
        included=entry.included,
        excluded=entry.excluded,
        query=None if entry.query is None else read_query(entry.query),
        ids=[int(one) for one in entry.file_ids],
    )
    if entry.changed_since == ADAPTIVE:
        wanted = wanted._replace(after=state.last_file(entry.included))
    elif (since := moment_of(entry.changed_since or "", clock.now_us())) is not None:
        wanted = wanted._replace(since_us=int(since.timestamp() * 1e6))
    limit = len(entry.file_ids) or entry.limit or DEFAULT_LIMIT
    rows = find(connection, wanted, limit)
    if not rows and run.spec.branch_id != DEFAULT:
        rows = find(connection, wanted._replace(branch=DEFAULT), limit)
    missing = set(wanted.ids) - {row.id for row in rows}
    if missing:
        raise Invalid(f"There is no file {', '.join(map(str, sorted(missing)))}.")
    return rows


def files_after(
    before: InputState, entries: Sequence[InputFile], read: Sequence[Mapping[str, Any]]
) -> list[InputFileState]:
    """Return how far a row has read its adaptive files; `read` are the files that it was given."""
    return [
        InputFileState(
            tags=entry.included,
            last_import_id=max(
                [int(one["id"]) for one in read if one.get("entry") == place],
                default=before.last_file(entry.included) or 0,
            ),
        )
        for place, entry in enumerate(entries)
        if entry.changed_since == ADAPTIVE
    ]


def processed_in(run: Run, read: Sequence[Mapping[str, Any]]) -> list[tuple[int, list[str]]]:
    """Return the tags to add to the files of a successful run, by the numbers of the files."""
    entries = {row: input_files(content) for row, content in configurations(run.spec)}
    found = []
    for one in read:
        of_row, place = entries.get(one.get("row"), []), one.get("entry")
        if isinstance(place, int) and place < len(of_row) and of_row[place].processed_tags:
            found.append((int(one["id"]), list(of_row[place].processed_tags)))
    return found
