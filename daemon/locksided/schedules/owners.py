"""Whose schedule or trigger it is: who may change and steer it, and as whom its jobs run."""

from collections.abc import Mapping
from typing import Any, Protocol, TypeVar

import msgspec

from lockside.protocol.words import Role
from locksided import threads
from locksided.api.service import Service
from locksided.core.errors import Forbidden
from locksided.server.access import Principal
from locksided.server.accounts import owner_now, user_of

R = TypeVar("R", bound=msgspec.Struct)


class Owned(Protocol):
    """The row of something that belongs to a user."""

    @property
    def id(self) -> str: ...

    @property
    def owner_uid(self) -> int: ...

    @property
    def owner_gid(self) -> int: ...

    @property
    def owner_name(self) -> str: ...


def refuse_others(row: Owned | None, who: Principal, path: str) -> None:
    """Raise Forbidden unless the caller owns it, or is an admin."""
    if row is not None and who.role is not Role.ADMIN and row.owner_uid != who.uid:
        raise Forbidden(
            f"{row.id} belongs to {row.owner_name}: only its owner or an admin can change it.",
            path=path,
            owner=row.owner_name,
        )


def columns_of(owner: Mapping[str, Any]) -> dict[str, Any]:
    """An owner as the rows have it."""
    return {"owner_uid": owner["uid"], "owner_gid": owner["gid"], "owner_name": owner["user"]}


def with_owner(row: R, owner: Mapping[str, Any] | None) -> R:
    """The row of something that belongs to another user from now on; None is no change."""
    return row if owner is None else msgspec.structs.replace(row, **columns_of(owner))


def check_may_steer(service: Service, row: Owned, who: Principal) -> None:
    """Admins act on all, others on their own, and on their group's when the settings say so."""
    shares = service.settings.access.group_shares and row.owner_gid in who.groups
    if who.role is not Role.ADMIN and row.owner_uid != who.uid and not shares:
        text = f"{row.id} belongs to {row.owner_name}: only its owner or an admin can do that."
        raise Forbidden(text, owner=row.owner_name)


async def current_owner(service: Service, row: Owned) -> Principal:
    """The owner with the rights that he has now. Raises Forbidden."""
    account = row.owner_uid, row.owner_gid, row.owner_name
    return await threads.run_sync(owner_now, service.access(), *account)


async def owner_at_put(service: Service, who: Principal, wanted: str | None, row: Owned | None) -> Principal:
    """As whom the jobs are to run: whom the call names, who owns it already, or the caller."""
    if wanted in (None, who.user):
        keeps = wanted is None and row is not None and row.owner_uid != who.uid and who.role is Role.ADMIN
        return await current_owner(service, row) if keeps and row is not None else who
    if who.role is not Role.ADMIN:
        text = "Naming another owner is the admin's: leave `owner` out, or ask an admin."
        raise Forbidden(text, path="$.owner")
    account = await threads.run_sync(user_of, wanted or "")
    return await threads.run_sync(owner_now, service.access(), *account)
