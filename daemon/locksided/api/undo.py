"""The method `job.undo`: one job restores all tables that another wrote, and the states that it saved."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from lockside.protocol.methods import steering as s
from lockside.protocol.types import storage as t
from locksided.api.deduplication import repeats_first
from locksided.api.paging import View
from locksided.api.rights import owned_job
from locksided.api.storage_jobs import TableJobMethods
from locksided.core.errors import Conflict, InvalidTransition, NotFound
from locksided.core.transitions import FINAL
from locksided.runs.storage_operations import UNDO
from locksided.server.calls import Call
from locksided.server.handlers import handler
from locksided.store.rows import JobRow
from locksided.store.undo import Made, SavedState, is_kept, made_by


class UndoMethods(TableJobMethods):
    """`job.undo`."""

    @handler
    @repeats_first
    async def undo(self, call: Call, params: s.JobUndo) -> View | t.UndoPlan:
        row = await owned_job(self._service, call.principal, params.id)
        made = await self._made(row, params)
        changed, forgotten = _changed_since(made), await self._forgotten(made)
        if params.dry_run:
            return _plan(row, made, [*changed, *forgotten])
        if forgotten:
            raise Conflict(" ".join(forgotten), path="$.id")
        if changed and not params.force:
            raise Conflict(
                f"{' '.join(changed)} Name the tables that are to be undone, or undo all with `force`.",
                path="$.id",
            )
        return await self._jobs.made(call, params, _parameters(row, made, is_forced=params.force))

    async def _made(self, row: JobRow, params: s.JobUndo) -> Made:
        """Return what is to be undone. Raises Refused when there is nothing, or not now."""
        if row.status not in FINAL:
            raise InvalidTransition(f"Job {row.id} is {row.status}: it has stored nothing yet.")
        if row.undone_by is not None:
            raise Conflict(f"Job {row.id} was undone by job {row.undone_by}.", path="$.id")
        made = await self._service.store.read(partial(made_by, row.id))
        if params.tables:
            made = Made([table for table in made.tables if table.id in params.tables], [])
            unknown = set(params.tables) - {table.id for table in made.tables}
            if unknown:
                raise NotFound(f"Job {row.id} did not write {', '.join(sorted(unknown))}.", path="$.tables")
        if not any(made):
            text = f"Job {row.id} changed no table, no file and no state that is still there."
            raise Conflict(text, path="$.id")
        return made

    async def _forgotten(self, made: Made) -> list[str]:
        states = [
            state for state in made.states if not await self._service.store.read(partial(is_kept, state))
        ]
        tables = [table.id for table in made.tables if not table.is_kept]
        return [
            *(f"Table {name} before it is no longer kept." for name in tables),
            *(f"The state of {_named(state)} before it is no longer kept." for state in states),
        ]


def _changed_since(made: Made) -> list[str]:
    tables = [
        f"Table {table.id} was changed since by job {', '.join(table.later)}."
        for table in made.tables
        if table.later
    ]
    states = [
        f"The state of {_named(state)} was changed since by job {', '.join(state.later)}."
        for state in made.states
        if state.later
    ]
    return [*tables, *states]


def _named(state: SavedState) -> str:
    row = "" if state.row is None else f"#{state.row}"
    return f"{state.config.component}/{state.config.config}{row}"


def _parameters(row: JobRow, made: Made, *, is_forced: bool) -> Mapping[str, Any]:
    return {
        "operation": UNDO,
        "job": str(row.id),
        "force": is_forced,
        "withFiles": bool(made.files),
        "tables": [
            {"id": one.id, "branch": one.branch, "version": one.version_before, "head": one.head}
            for one in made.tables
        ],
        "states": [
            {
                "component": one.config.component,
                "config": one.config.config,
                "branch": one.config.branch,
                "row": one.row,
                "version": one.version - 1,
                "current": one.current,
            }
            for one in made.states
        ],
    }


def _plan(row: JobRow, made: Made, conflicts: list[str]) -> t.UndoPlan:
    return t.UndoPlan(
        job=str(row.id),
        tables=[
            t.UndoneTable(
                id=one.id,
                branch_id=one.branch,
                version=one.head,
                to_version=one.version_before,
                later_jobs=list(one.later),
            )
            for one in made.tables
        ],
        states=[
            t.UndoneState(
                component=one.config.component,
                config=one.config.config,
                branch_id=one.config.branch,
                row=one.row,
                version=one.current,
                to_version=one.version - 1,
                later_jobs=list(one.later),
            )
            for one in made.states
        ],
        files=[t.UndoneFile(id=str(one.id), name=one.name or "") for one in made.files],
        conflicts=conflicts,
    )
