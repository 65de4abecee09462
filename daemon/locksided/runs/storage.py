"""Orders for the storage steps of runs, and checks of what they staged.

A separate program reads and writes the data; this module deals only with names and heads.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from lockside.kinds import BUCKET
from locksided import clock, threads
from locksided.core.errors import Conflict, Invalid, Refused
from locksided.core.table_locks import SERIALS_EACH
from locksided.keeper.messages import User
from locksided.runs.adaptive import since_of, states_after
from locksided.runs.as_account import Unusable, perform
from locksided.runs.inspection import Inspection, Save
from locksided.runs.loading import Run
from locksided.runs.operations import BadResult, OperationResult
from locksided.runs.places import Places
from locksided.runs.plan import Step, configurations
from locksided.runs.resolved import TableSupport
from locksided.runs.result import Staged
from locksided.runs.safefs import NotPlain
from locksided.runs.saves import NO_INPUTS, Held, Inputs, TableRead
from locksided.runs.storage_operations import operations_of, place_of_row, undo_of
from locksided.runs.stored_files import StoredFiles, processed_in
from locksided.runs.table_orders import at_version, found_order, table_order
from locksided.runs.vacuum import Vacuum
from locksided.settings import StorageSettings
from locksided.store.buckets import in_first_spelling
from locksided.store.catalog.keys import DEFAULT, Key
from locksided.store.input_states import InputState
from locksided.store.store import Store
from locksided.store.table_metadata import pieces_of
from locksided.store.table_rows import DroppedRow, UnpublishedRow
from locksided.store.tables import FoundTable, Ratified
from locksided.store.trash import dropped, trash_of
from locksided.tables.mapping import read_entries, read_paths
from locksided.tables.names import BUCKET_MODES, TableId, entry_name
from locksided.tables.orders import BadCommits, Commit, TableOrder, read_commits
from locksided.tables.stored_files import input_files


class Storage:
    """The lake as used by runs."""

    def __init__(
        self, store: Store, lake: Path, places: Places, settings: StorageSettings, save: Save
    ) -> None:
        """`lake` is the folder of tables, unless the settings name another one."""
        self._store = store
        self._places = places
        self._settings = settings
        self.root = Path(settings.root) if settings.root else lake
        self.lake_id = f"{store.identity:015x}"
        self.inspection = Inspection(store, self.root, self.lake_id, save)
        self.vacuum = Vacuum(store, self.root, settings)
        self.files = StoredFiles(store, self.root, settings, save)
        self.operations = operations_of(settings)
        self.memory_bytes = settings.memory_bytes
        self.program: tuple[str, ...] = tuple(self.operations[0].program) if self.operations else ()
        if self.operations:
            self.support = TableSupport.KEPT
        else:
            self.support = TableSupport.UNUSED if settings.backend == "local" else TableSupport.MISSING

    async def held(self, run: Run, step: Step) -> Held:
        """Return what a step may write."""
        if step.operation is None or step.operation not in self.operations:
            return Held({})
        tables = await self.held_tables(run) if step.may_be_needless else {}
        return Held(tables, await self.files.reserved(run.row.id))

    async def held_tables(self, run: Run) -> Mapping[str, TableOrder]:
        """Return the tables that the run holds in the form for a step, by key."""
        row = await self._store.job_row(run.row.id)
        claim = None if row is None else row.claim
        if claim is None:
            return {}
        named = [TableId.parse(path) for path in claim["tables"]]
        ids = await self._store.read(partial(in_first_spelling, tables=named))
        pins = {} if row is None else row.pins or {}
        found = await self._store.tables_by_key([one.key for one in ids])
        begins = await self._begins([one for one in ids if one.key not in found])
        access = {bucket: await self._access(bucket) for bucket in dict.fromkeys(map(bucket_key, ids))}
        return {
            one.key: msgspec.structs.replace(
                table_order(one, claim["serial"] + SERIALS_EACH * place, found.get(one.key)),
                pinned=pins.get(one.key),
                access=access[bucket_key(one)],
                begins=begins.get(one.key),
            )
            for place, one in enumerate(ids)
        }

    async def _begins(self, new: Sequence[TableId]) -> Mapping[str, TableOrder]:
        """Return the default branch's tables that new tables of branches may copy, by the keys of the new."""
        first = {one.key: one.in_branch(DEFAULT) for one in new if one.branch != DEFAULT}
        found = await self._store.tables_by_key([one.key for one in first.values()]) if first else {}
        return {
            key: msgspec.structs.replace(table_order(one, 0, found[one.key]), branch=DEFAULT)
            for key, one in first.items()
            if one.key in found
        }

    async def _access(self, bucket: Key) -> str:
        """Return the access of other accounts to a bucket."""
        found = await self._store.object(bucket, None)
        return "private" if found is None else str(found.body["access"])

    async def check_undo(self, run: Run, tables: Mapping[str, TableOrder]) -> None:
        """Raise Conflict if what the run is to undo was changed after the decision to undo it."""
        undo = undo_of(run.spec)
        if undo is None or undo["force"]:
            return
        heads = {table.id: table.version for table in tables.values()}
        later = [one["id"] for one in undo["tables"] if heads[one["id"]] != one["head"]]
        if later:
            raise Conflict(f"Tables were changed meanwhile: {', '.join(later)}. Nothing was undone.")

    def output_order(
        self, run: Run, static: Mapping[str, Any], tables: Mapping[str, TableOrder]
    ) -> dict[str, Any]:
        """Return the complete order of a step that writes tables."""
        folder, rows_given = run.context.folder.root, static.get("rows", [])
        rows = [
            {
                **row,
                "place": (place := place_of_row(rows_given, row["row"])),
                "folder": f"{folder}/{place}",
            }
            for row in rows_given
        ]
        return {
            **static,
            "rows": rows,
            "lakeId": self.lake_id,
            "tables": [msgspec.to_builtins(table) for table in tables.values()],
        }

    async def inputs_of(self, run: Run, read: Mapping[str, Any]) -> Inputs:
        """Return the inputs of a run to save if it succeeds; `read` is what its steps reported."""
        contents = [content for _, content in configurations(run.spec)]
        if not any(read_entries(one) or input_files(one) for one in contents):
            return NO_INPUTS
        row = await self._store.job_row(run.row.id)
        pins = {} if row is None else row.pins or {}
        states: Mapping[str | None, InputState] = {}
        if run.row.config is not None and not run.is_debug and run.spec.keeps_state:
            states = await self._store.read(partial(states_after, run=run, pins=pins, read=read["files"]))
        files = read["files"] if run.spec.stores_outputs else ()
        return Inputs(_reads(run, pins), states, processed_in(run, files))

    async def with_sources(self, run: Run, static: Mapping[str, Any]) -> dict[str, Any]:
        """Return an order with the tables that the step reads, at their versions when the job started.

        Raises Invalid for a table that did not exist then.
        """
        row = await self._store.job_row(run.row.id)
        pins = {} if row is None else row.pins or {}
        entries = static.get("entries", [])
        wanted = [read_paths(entry, run.row.project, run.spec.branch_id) for entry in entries]
        found = await self._store.tables_by_key([table.key for tables in wanted for table in tables])
        sources = [_pinned(tables, found, pins, entry) for tables, entry in zip(wanted, entries, strict=True)]
        numbers = [found[table.key].row.number for table in sources]
        metadata = await self._store.read(partial(pieces_of, numbers=numbers))
        since = await self._store.read(
            partial(since_of, run=run, row=static.get("row"), entries=entries, pins=pins)
        )
        return {
            **static,
            "sources": [msgspec.to_builtins(table) for table in sources],
            "told": [metadata.get(found[table.key].row.number, []) for table in sources],
            "since": [None if one is None else one._asdict() for one in since],
            "origin": {**origin_of(run), "inputs": [read.shown for read in _reads(run, pins)]},
            "branch": run.spec.branch_id,
            **self._common(),
        }

    async def trashed(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """Return the table in the trash that a step restores. Raises Invalid if it is gone."""
        key = (order.get("parameters") or {}).get("trashed")
        if key is None:
            return {}
        found = (await self._store.tables_by_key([key])).get(key)
        trash = await self._store.read(partial(trash_of, key=key))
        if found is None or trash is None:
            raise Invalid("The table is no longer in the trash.")
        source = found_order(found)
        folder = f"{source.folder.rpartition('/')[0]}/.trash/{trash}"
        return {"sources": [msgspec.to_builtins(msgspec.structs.replace(source, folder=folder))]}

    async def vacuum_order(self, run: Run, static: Mapping[str, Any]) -> dict[str, Any]:
        """Return the complete order of a step that cleans the tables in the buckets of the run's account."""
        uid = os.geteuid() if run.context.run_as is None else run.context.run_as.uid
        order = await self.vacuum.order(run.row.project, uid, static["parameters"])
        return {**static, **order, **self._common()}

    def preview_order(self, table: TableOrder, entry: Mapping[str, Any]) -> dict[str, Any]:
        """Return the order to preview a table."""
        return {"table": msgspec.to_builtins(table), "entry": dict(entry), **self._common()}

    def files_order(self, tables: Iterable[FoundTable]) -> dict[str, Any]:
        """Return the order to list the files of the heads of tables."""
        return {"tables": [msgspec.to_builtins(found_order(one)) for one in tables], **self._common()}

    def diff_order(self, found: FoundTable, older: int, newer: int, limit: int) -> dict[str, Any]:
        """Return the order to compare two versions of a table."""
        tables = [msgspec.to_builtins(found_order(found, version)) for version in (older, newer)]
        return {"tables": tables, "limit": limit, **self._common()}

    def _common(self) -> dict[str, Any]:
        return {
            "root": str(self.root),
            "engine": {"memory_bytes": self._settings.memory_bytes, "threads": self._settings.threads},
            "timeUs": clock.now_us(),
            "minFreeBytes": self._settings.min_free_bytes,
        }

    def make_buckets(self, run: Run, tables: Mapping[str, TableOrder]) -> None:
        """Create the folders of new buckets, owned by their first writer."""
        run_as = run.context.run_as
        buckets = {os.path.dirname(table.folder): table.access for table in tables.values()}
        for bucket, access in buckets.items():
            path = self.root / bucket
            if path.is_dir():
                continue
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            for above in (path.parent, path.parent.parent, self.root) if run_as is not None else ():
                above.chmod(0o711)
            path.mkdir(mode=0o700)
            if run_as is not None:
                os.chown(path, run_as.uid, run_as.gid, follow_symlinks=False)
            path.chmod(BUCKET_MODES[access])

    def checked(self, run: Run, result: OperationResult, held: Held) -> Staged:
        """Return what a step staged, for the transaction that ratifies it. Raises BadResult."""
        files = self.files.checked(run, result.files, held.numbers)
        try:
            commits = read_commits(result.commits, held.tables)
            return [
                self._ratified(run, commit, held.tables[commit.key], serial) for commit, serial in commits
            ], files
        except (BadCommits, NotPlain, Unusable) as problem:
            raise BadResult(str(problem)) from None
        except FileNotFoundError as problem:
            raise BadResult(f"What it staged is not there: {problem.filename or problem}.") from None

    async def finish_drops(self, tables: Iterable[TableOrder] = ()) -> list[DroppedRow]:
        """Move the folders of dropped tables to the trash, all or those in the way of these tables.

        Returns the moved ones. Raises Refused and OSError when one cannot be moved.
        """
        wanted = {table.folder for table in tables}
        done = []
        for row in await self._store.read(dropped):
            table = row.table
            if not wanted or table.folder in wanted:
                account = _user(row.account)
                argument = {"name": table.folder.rpartition("/")[2], "to": row.trash}
                bucket = str(self.root / table.bucket_folder)
                move = partial(perform, bucket, "trash", argument, account)
                await threads.run_for(None if account is None else account.uid, move)
                done.append(row)
        return done

    def publish(self, commit: UnpublishedRow) -> None:
        """Give a commit its name in its table's log, as the account that wrote it.

        Raises OSError and Refused when that is not possible.
        """
        folder = self.root / TableId(commit.project, commit.branch_id, commit.id).folder
        argument = {"name": commit.staged, "entry": entry_name(commit.version), "sha256": commit.sha256}
        account = _user(commit.account)
        try:
            done = perform(str(folder), "publish", argument, account)
        except NotPlain as problem:
            raise Refused(str(problem)) from None
        if not done["is_published"]:
            raise Refused(f"Version {commit.version} of table {commit.id} was written by somebody else.")
        if commit.job_id is not None and not self._settings.keep_output:
            self._remove_sources(commit.job_id, commit.details.get("sources", []), account)

    def _remove_sources(
        self, job_id: int, sources: Sequence[Mapping[str, str]], account: User | None
    ) -> None:
        """Remove stored outputs from the job's out/; what cannot be removed stays."""
        for source in sources:
            folder = f"{self._places.work_path(job_id)}/{source['place']}"
            with suppress(OSError, NotPlain, Unusable):
                perform(folder, "remove_output", {"name": source["name"]}, account)

    def _ratified(self, run: Run, commit: Commit, table: TableOrder, serial: int) -> Mapping[str, Any]:
        project, branch, _ = table.folder.split("/", 2)
        table_id = TableId(project, branch, table.id)
        sha256, run_as = "", run.context.run_as
        if commit.staged:
            argument = {"name": commit.staged}
            sha256 = perform(str(self.root / table.folder), "staged", argument, run_as)["sha256"]
        ratified = Ratified(
            project=table_id.project,
            branch_id=table_id.branch,
            id=table_id.text,
            key=table.key,
            version=commit.version,
            serial=serial,
            staged=commit.staged,
            sha256=sha256,
            operation=commit.operation,
            definition=msgspec.to_builtins(commit.definition),
            rows_count=commit.rows_count,
            size_bytes=commit.size_bytes,
            time_us=commit.time_us,
            details={
                "counts": commit.counts,
                "sources": msgspec.to_builtins(commit.sources),
                **({"adopted": msgspec.to_builtins(commit.adopted)} if commit.adopted else {}),
                **({"isNew": True} if commit.adopted and table.version is None else {}),
                **origin_of(run),
            },
            account=None if run_as is None else list(run_as),
            metadata=commit.metadata,
        )
        found: Mapping[str, Any] = msgspec.to_builtins(ratified)
        return found


def bucket_key(table: TableId) -> Key:
    """Return the key of a table's bucket among the stored objects."""
    return Key(table.project, BUCKET, (table.bucket,), table.branch)


def _user(account: Sequence[Any] | None) -> User | None:
    """Return the account stored with a commit; None for the daemon's own."""
    return None if account is None else User(account[0], account[1], tuple(account[2]))


def origin_of(run: Run) -> dict[str, Any]:
    """Return the origin of a commit, for the table's log and history."""
    spec, row = run.spec, run.row
    return {
        "job": str(row.id),
        "runId": row.run_id,
        "project": row.project,
        "branch": spec.branch_id,
        "component": spec.component,
        "config": spec.config,
        "configVersion": spec.config_version,
        "row": spec.rows[0].id if spec.rows is not None and len(spec.rows) == 1 else None,
        "user": row.owner_name,
        "inputs": [],
    }


def _reads(run: Run, pins: Mapping[str, int]) -> Sequence[TableRead]:
    """Return the tables that a run reads, according to its mappings and the heads at its start."""
    found: dict[TableRead, None] = {}
    for _, configuration in configurations(run.spec):
        for entry in read_entries(configuration):
            tables = read_paths(entry, run.row.project, run.spec.branch_id)
            table = next((one for one in tables if one.key in pins), None)
            if table is not None:
                asked = entry.get("version")
                found[TableRead(table, pins[table.key] if asked is None else int(asked))] = None
    return list(found)


def _pinned(
    tables: Sequence[TableId],
    found: Mapping[str, FoundTable],
    pins: Mapping[str, int],
    entry: Mapping[str, Any],
) -> TableOrder:
    """Return the table of an entry, at the version it names, else as it was when the job started."""
    for table in tables:
        if table.key in found and table.key in pins:
            order = table_order(table, 0, found[table.key])
            asked = entry.get("version")
            version = pins[table.key] if asked is None else int(asked)
            return msgspec.structs.replace(at_version(order, version), branch=table.branch)
    bucket, _, name = tables[0].text.rpartition(".")
    raise Invalid(f'The table "{name}" was not found in the bucket "{bucket}".')
