"""Who may act on whose jobs. Roles for whole methods are the server's check; here it is about single jobs."""

from lockside.protocol.words import Role
from locksided.api.job_reads import job_row
from locksided.api.service import Service
from locksided.core.errors import Forbidden
from locksided.core.model import Principal as Actor
from locksided.server.access import Principal
from locksided.store.rows import JobRow


async def owned_job(service: Service, principal: Principal, job: str) -> JobRow:
    """The job of this id or uuid. Raises NotFound, and Forbidden for a caller who may not act on it."""
    row = await job_row(service, service.job_id(job))
    check_may_act(service, principal, row)
    return row


def check_may_act(service: Service, principal: Principal, row: JobRow) -> None:
    """Admins act on every job, others on their own, and on their group's when the settings say so."""
    if principal.role is Role.ADMIN or row.owner_uid == principal.uid:
        return
    if service.settings.access.group_shares and row.owner_gid in principal.groups:
        return
    raise Forbidden(
        f"Job {row.id} belongs to {row.owner_name}: only its owner or an admin can do that.",
        owner=row.owner_name,
    )


def actor(principal: Principal) -> Actor:
    """Who asked, as the core and the events name it."""
    return Actor(principal.uid, principal.user, principal.gid, principal.via)
