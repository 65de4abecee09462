"""Who may act on whose jobs. The server checks the roles for whole methods; this module checks single jobs.

Job ids are unique in the whole store: a token for one project gives no access to the jobs of others.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any, Final, get_args, get_type_hints

from msgspec import Struct

from lockside.documents.base import JobId, RunId
from lockside.documents.paths import join
from lockside.protocol.words import Role
from locksided.api.job_reads import job_row
from locksided.api.service import Service
from locksided.core.errors import Forbidden, NotFound
from locksided.core.model import Principal as Actor
from locksided.ids import parse_job_id
from locksided.server.access import Principal
from locksided.store.rows import JobRow
from locksided.store.store import Store

MOST_REMEMBERED: Final = 10_000
_NAMES_JOBS: Final = (JobId, RunId)


class ProjectGuard:
    """Refuses calls with a token that name a job of another project."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._projects: dict[int, str] = {}

    async def check(self, who: Principal, params: Any) -> None:
        """Raise NotFound for a job that does not exist in the project."""
        if who.grant is None:
            return
        named = {
            parse_job_id(self._store.identity, text.rpartition(".")[2], path): path
            for path, text in jobs_named(params, "$")
        }
        projects = {job_id: self._projects[job_id] for job_id in named if job_id in self._projects}
        if unknown := named.keys() - projects.keys():
            found = {row.id: row.project for row in await self._store.job_rows(list(unknown))}
            self._remember(found)
            projects |= found
        for job_id, path in named.items():
            if projects.get(job_id) != who.grant.project:
                text = f"There is no job {job_id} in the project {who.grant.project}."
                raise NotFound(text, path=path)

    def _remember(self, projects: dict[int, str]) -> None:
        """Cache what never changes: a job stays in its project, and its id is not reused."""
        if len(self._projects) > MOST_REMEMBERED:
            self._projects.clear()
        self._projects |= projects


def jobs_named(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Yield the job ids in parameters, each with its path."""
    if isinstance(value, list):
        for place, part in enumerate(value):
            yield from jobs_named(part, f"{path}[{place}]")
    elif isinstance(value, Struct):
        for name, spelt, is_of_jobs in _searched(type(value)):
            part, where = getattr(value, name), join(path, spelt)
            if is_of_jobs and isinstance(part, str | list):
                parts = part if isinstance(part, list) else [part]
                yield from ((where, one) for one in parts)
            else:
                yield from jobs_named(part, where)


@cache
def _searched(kind: type[Struct]) -> list[tuple[str, str, bool]]:
    """Return the fields that can contain job ids, their wire names, and whether they are such ids."""
    hints = get_type_hints(kind, include_extras=True)
    spelt = zip(kind.__struct_fields__, kind.__struct_encode_fields__, strict=True)
    return [(name, wire, _is_of_jobs(hints[name])) for name, wire in spelt if _has_jobs(hints[name])]


def _has_jobs(hint: Any) -> bool:
    is_struct = isinstance(hint, type) and issubclass(hint, Struct)
    return is_struct or hint in _NAMES_JOBS or any(map(_has_jobs, get_args(hint)))


def _is_of_jobs(hint: Any) -> bool:
    return hint in _NAMES_JOBS or any(_is_of_jobs(part) for part in get_args(hint))


async def owned_job(service: Service, principal: Principal, job: str) -> JobRow:
    """Return the job with this id or uuid. Raises NotFound, and Forbidden if the caller may not act on it."""
    row = await job_row(service, service.job_id(job))
    check_may_act(service, principal, row)
    return row


def check_may_act(service: Service, principal: Principal, row: JobRow) -> None:
    """Check access: admins have all jobs, others their own, and their group's if the settings allow it."""
    if principal.role is Role.ADMIN or row.owner_uid == principal.uid:
        return
    if service.settings.access.group_shares and row.owner_gid in principal.groups:
        return
    raise Forbidden(
        f"Job {row.id} belongs to {row.owner_name}: only its owner or an admin can do that.",
        owner=row.owner_name,
    )


def actor(principal: Principal) -> Actor:
    """Return the principal as the core and the events name it."""
    return Actor(principal.uid, principal.user, principal.gid, principal.via)
