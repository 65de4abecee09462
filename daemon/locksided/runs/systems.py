"""The systems that a job uses, who may use them, and the details given to its steps."""

import os
import pwd
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, NamedTuple, Self

from lockside.documents.component import STORAGE
from lockside.documents.paths import join
from lockside.documents.reading import from_store
from lockside.documents.staging import InputSource
from lockside.documents.system import SystemSpec
from lockside.kinds import SYSTEM
from locksided.core.errors import Forbidden, Invalid, NotFound
from locksided.runs.refusals import without_extra
from locksided.runs.specification import Specification
from locksided.runs.staging import missing_schemes
from locksided.secrets.guards import missing_in, refuse_missing
from locksided.server.access import group_id, user_id
from locksided.store.catalog.keys import Key
from locksided.store.rows import RunRow, StoredRow
from locksided.store.store import Store


class Use(NamedTuple):
    """A system that a job names, the field that does so, and whether it is written to."""

    system: str
    path: str
    is_written: bool = False


NAMED = {"inputs": "$.inputs", "archive": "$.archive"}
"""The fields of a job that name systems."""


def uses_of(spec: Specification, named: Mapping[str, str] = NAMED) -> Iterator[Use]:
    """Yield the systems that a job names; `named` are the paths of its inputs and its archive."""
    for place, one in enumerate(spec.inputs or ()):
        system = from_store(one, InputSource).system
        if system is not None:
            yield Use(system, join(named["inputs"], place, "source"))
    if spec.archive:
        yield Use(spec.archive["system"], join(named["archive"], "system"), is_written=True)
    if spec.component == STORAGE and (system := (spec.root.get("parameters") or {}).get("system")):
        yield Use(system, "$.system", is_written=True)


def refuse_unusable(use: Use, row: StoredRow | None, uid: int, gids: tuple[int, ...]) -> SystemSpec:
    """Return the system. Raises Refused if it cannot be used this way."""
    if row is None or row.deleted:
        raise NotFound(f"There is no system {use.system!r}. `lockside system ls` lists them.", path=use.path)
    spec = from_store(row.body, SystemSpec)
    if not _may_use(spec, uid, gids):
        raise Forbidden(f"System {use.system!r} is for other users.", path=use.path)
    if use.is_written and not spec.is_writable:
        raise Invalid(f"System {use.system!r} is not writable: its `isWritable` is false.", path=use.path)
    if spec.type in missing_schemes():
        raise without_extra(spec.type, use.path)
    return spec


def _may_use(spec: SystemSpec, uid: int, gids: tuple[int, ...]) -> bool:
    if not (spec.users or spec.groups):
        return True
    return uid in map(user_id, spec.users) or not {group_id(name) for name in spec.groups}.isdisjoint(gids)


class Account(NamedTuple):
    """The user of a job, with the user's current groups."""

    uid: int
    groups: tuple[int, ...]

    @classmethod
    def of(cls, uid: int | None, gid: int | None) -> Self:
        """Return the owner of a job."""
        uid = os.geteuid() if uid is None else uid
        groups = () if gid is None else (gid,)
        with suppress(KeyError):
            found = pwd.getpwuid(uid)
            groups = (*groups, *os.getgrouplist(found.pw_name, found.pw_gid))
        return cls(uid, groups)


async def system_of(store: Store, use: Use, project: str, who: Account) -> dict[str, Any]:
    """Return a system for a step, with plain secrets. Raises like `refuse_unusable`, and Invalid."""
    key = Key(project, SYSTEM, (use.system,))
    row = await store.object(key)
    spec = refuse_unusable(use, row, who.uid, who.groups)
    options = store.vault.opened_if_possible(spec.options, key.place)
    refuse_missing(list(missing_in(options, f"{use.system}.options")))
    return {"url": spec.url, "options": options, "isWritable": spec.is_writable}


async def systems_told(
    store: Store, spec: Specification, row: RunRow, *, is_written: bool
) -> dict[str, dict[str, Any]]:
    """Return the systems that a job reads from or writes to, for its step. Raises Refused."""
    who = Account.of(row.owner_uid, row.owner_gid)
    uses = [use for use in uses_of(spec) if use.is_written is is_written]
    return {use.system: await system_of(store, use, row.project, who) for use in uses}
