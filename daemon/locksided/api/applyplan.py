"""What differs between what is wanted and what is stored, in the order in which it has to be done. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import msgspec

from lockside.protocol.params import stored as p
from locksided.core.errors import Invalid
from locksided.runner.differing import differences

Json = dict[str, Any]
Key = tuple[str, ...]
Wanted = Mapping[str, Mapping[Key, Json]]

KINDS = ("pool", "component", "variables", "config")
FIELDS = {"pool": "pools", "component": "components", "variables": "variables", "config": "configs"}


@dataclass(frozen=True, slots=True)
class Known:
    """One stored object, and whether a plan may delete it."""

    body: Json
    version: int | None
    may_go: bool = True


@dataclass(frozen=True, slots=True)
class Step:
    """One object to be stored (`body`) or deleted; its key is its id, or component and id."""

    kind: str
    key: Key
    action: str
    body: Json | None
    old_version: int | None
    fields: list[Json] = field(default_factory=list)

    def view(self) -> Json:
        """The step as the wire tells it."""
        component = self.key[0] if self.kind == "config" else None
        return {
            "kind": self.kind,
            "id": self.key[-1],
            "component": component,
            "action": self.action,
            "fields": self.fields,
            "version": None,
        }


@dataclass(frozen=True, slots=True)
class Plan:
    """All steps, and how many objects are as they are wanted."""

    steps: list[Step]
    unchanged: int

    @property
    def name(self) -> str:
        """A word for exactly these steps from exactly what is stored."""
        told = [(step.kind, step.key, step.action, step.old_version, step.fields) for step in self.steps]
        return sha256(msgspec.json.encode(told)).hexdigest()[:16]


def wanted_of(params: p.CatalogApply) -> dict[str, dict[Key, Json]]:
    """What is asked for by kind and key, as it would be stored; a kind that is left alone is missing.

    Raises Invalid for an object that is asked for twice.
    """
    given: dict[str, Iterable[Json] | None] = {
        "pool": None if params.pools is None else map(pool_body, params.pools),
        "component": None if params.components is None else map(msgspec.to_builtins, params.components),
        "variables": None if params.variables is None else map(msgspec.to_builtins, params.variables),
        "config": None
        if params.configs is None
        else (config_body(one, params.branch_id) for one in params.configs),
    }
    return {kind: _by_key(kind, bodies) for kind, bodies in given.items() if bodies is not None}


def _by_key(kind: str, bodies: Iterable[Json]) -> dict[Key, Json]:
    found: dict[Key, Json] = {}
    for place, body in enumerate(bodies):
        key = (body["component"], body["config"]) if kind == "config" else (body["id"],)
        if key in found:
            path = f"$.{FIELDS[kind]}[{place}]"
            raise Invalid(f"{path}: {'/'.join(key)} is asked for twice.", path=path)
        found[key] = body
    return found


def pool_body(pool: Any) -> Json:
    """A pool as it is compared; without a description and with an empty one are the same."""
    return {
        "id": pool.id,
        "slots": "infinity" if pool.slots is None else pool.slots,
        "executor": pool.executor,
        "description": pool.description or None,
    }


def config_body(config: Any, branch: str) -> Json:
    """A configuration as it is stored."""
    return {
        "component": config.component,
        "config": config.config,
        "branchId": branch,
        "name": config.name,
        "description": config.description,
        "isDisabled": config.is_disabled,
        "configuration": config.configuration,
        "rows": msgspec.to_builtins(config.rows),
    }


def make_plan(
    wanted: Mapping[str, Mapping[Key, Json]], stored: Mapping[str, Mapping[Key, Known]], *, prune: bool
) -> Plan:
    """Compare: first what is stored anew or otherwise, then what is deleted, whoever uses others first."""
    steps, unchanged = [], 0
    for kind in KINDS:
        for key, body in wanted.get(kind, {}).items():
            before = stored[kind].get(key)
            if before is None:
                steps.append(Step(kind, key, "create", body, None))
            elif fields := differences(before.body, body):
                steps.append(Step(kind, key, "change", body, before.version, fields))
            else:
                unchanged += 1
    if prune:
        steps += [
            Step(kind, key, "delete", None, known.version)
            for kind in reversed(KINDS)
            if kind in wanted
            for key, known in stored[kind].items()
            if key not in wanted[kind] and known.may_go
        ]
    return Plan(steps, unchanged)
