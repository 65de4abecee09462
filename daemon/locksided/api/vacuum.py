"""The method `storage.vacuum`, and the jobs that clean tables: one for each owner of buckets."""

import pwd
from collections.abc import Sequence
from contextlib import suppress
from functools import partial

from lockside.documents.component import STORAGE
from lockside.documents.request import JobRequest
from lockside.protocol.methods import storage as p
from lockside.protocol.words import Role
from locksided import threads
from locksided.api.deduplication import repeats_first
from locksided.api.job_creation import CreationMethods
from locksided.api.job_drafts import Origin, draft
from locksided.api.job_reads import marked, of_many
from locksided.api.paging import View
from locksided.api.service import Service
from locksided.api.storage import TableMethods
from locksided.core.model import Draft
from locksided.runs.storage_operations import VACUUM
from locksided.server.access import Principal
from locksided.server.calls import Call
from locksided.server.handlers import handler
from locksided.server.messages import OrShorter
from locksided.store.vacuum import keys_of_project, let_go
from locksided.tables.names import TableId


class VacuumMethods(TableMethods):
    """`storage.vacuum`."""

    def __init__(self, service: Service) -> None:
        super().__init__(service)
        self._jobs = CreationMethods(service)

    @handler
    @repeats_first
    async def vacuum(self, call: Call, params: p.StorageVacuum) -> View | OrShorter:
        self._tables.check_enabled()
        tables = [TableId(params.project, params.branch_id, text) for text in params.tables]
        for place, table in enumerate(tables):
            await self._tables.table(table.project, table.branch, table.text, f"$.tables[{place}]")
        drafts = await vacuum_drafts(self._service, params.project, tables, is_dry=params.dry_run)
        if not drafts:
            return {"jobs": []}
        views, answer = await self._jobs.submit(call, params, drafts)
        return of_many([marked(view, answer) for view in views])


async def vacuum_drafts(
    service: Service,
    project: str,
    tables: Sequence[TableId] = (),
    *,
    is_dry: bool = False,
    creator: str = "user",
) -> list[Draft]:
    """Return the drafts of the jobs that clean these tables, or all of a project and its trash.

    Versions that need not be kept are marked here, before anything is removed.
    """
    vacuum = service.runs.storage.vacuum
    keys = [table.key for table in tables] or await service.store.read(
        partial(keys_of_project, project=project)
    )
    if not is_dry:
        keeping = vacuum.keeping()
        if tables:
            keeping = keeping._replace(trash_since_us=0)
        await service.scheduler.ask(partial(let_go, keys=keys, keeping=keeping, project=project))
        if not tables:
            await vacuum.forget_files(project, service.scheduler.ask)
    parameters = {
        "operation": VACUUM,
        "tables": [{"id": table.text, "branch": table.branch} for table in tables],
        "dryRun": is_dry,
    }
    request = JobRequest(component=STORAGE, config_data={"parameters": parameters})
    wanted = {table.bucket_folder for table in tables}
    owners = dict.fromkeys(
        uid
        for uid, buckets in (await vacuum.buckets_by_owner(project)).items()
        if not wanted or wanted.intersection(buckets)
    )
    if not tables:
        owners |= dict.fromkeys(await vacuum.owners_of_files(project))
    return [
        await draft(
            service, request, await threads.run_sync(owner_of, uid), project, Origin(creator, is_ours=True)
        )
        for uid in owners
    ]


def owner_of(uid: int) -> Principal:
    """Return the owner of buckets, as whom their tables are cleaned and adopted."""
    name, gid = str(uid), uid
    with suppress(KeyError):
        entry = pwd.getpwuid(uid)
        name, gid = entry.pw_name, entry.pw_gid
    return Principal(uid, gid, name, (gid,), Role.OPERATOR, 0)
