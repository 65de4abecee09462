"""Resources in stored form, in the core's form, and in wire form."""

from collections.abc import Mapping, Sequence
from math import isinf
from typing import Any

from lockside.documents.pool import ResourceSpec
from lockside.documents.reading import from_store
from lockside.kinds import RESOURCE
from locksided.core.errors import Conflict
from locksided.core.pool_control import refuse_deletion
from locksided.core.resources import Resource, ResourceChanged, ResourceTerms
from locksided.core.state import State
from locksided.settings import Settings
from locksided.store.catalog import objects
from locksided.store.catalog.keys import Change, Key
from locksided.store.rows import StoredRow
from locksided.store.sql import Database
from locksided.store.transaction import Transaction

View = dict[str, Any]


def reserve_us(settings: Settings) -> int | None:
    """Return the waiting time after which resources are reserved for a job; None for never."""
    seconds = settings.scheduling.reserve_seconds
    return None if isinf(seconds) else int(seconds * 1_000_000)


def resource_terms(connection: Database) -> list[ResourceTerms]:
    """Return all resources of all projects."""
    return [terms_of(project, body) for project, body in objects.of_kind(connection, RESOURCE)]


def terms_of(project: str, body: Mapping[str, Any]) -> ResourceTerms:
    """Return a stored document in the core's form."""
    spec = from_store(body, ResourceSpec)
    units = tuple(spec.units or ())
    capacity = len(units) if units else spec.capacity
    number = capacity if isinstance(capacity, int) else None
    return ResourceTerms(project, spec.id, number, units, spec.shared, spec.environment)


def changed_input(key: Key, stored: StoredRow | None) -> ResourceChanged:
    """Return the input for the core when a document has changed, or was deleted."""
    return ResourceChanged(
        key.project, key.id, None if stored is None else terms_of(key.project, stored.body)
    )


def refuse_needed(state: State, key: Key) -> None:
    """Raise Conflict for a resource that live jobs need."""
    refuse_deletion(state, (key.project, key.id))


def refuse_ambiguous(
    tx: Transaction, key: Key, _before: StoredRow | None, after: StoredRow, _change: Change
) -> None:
    """Raise Conflict if an id would denote two resources for the jobs of some project."""
    shared = bool(after.body.get("shared"))
    for one in resource_terms(tx.connection):
        if one.id == key.id and one.project != key.project and (shared or one.is_shared):
            text = f"Project {one.project} has a resource {key.id}, and one of the two is for all projects."
            raise Conflict(f"{text} Choose another id.", path="$.resource.id")


_UNKNOWN: View = {"used": 0, "free": 0, "holders": [], "waiting": 0}
"""The figures of a deleted resource."""


def figures(state: State, project: str, ids: Sequence[str]) -> list[View]:
    """Return the usage and the holders of each resource, and how many jobs wait for it."""
    needing: dict[Resource, int] = {}
    for demand in state.demands.values():
        for resource, _ in demand.resources:
            needing[resource] = needing.get(resource, 0) + demand.members
    found = (state.resources.get((project, one)) for one in ids)
    return [_UNKNOWN if one is None else _figures(one, needing.get(one, 0)) for one in found]


def _figures(resource: Resource, needing: int) -> View:
    return {
        "used": resource.used,
        "free": "infinity" if resource.free is None else resource.free,
        "holders": [str(job.id) for job in resource.holders],
        "waiting": needing - len(resource.holders),
    }
