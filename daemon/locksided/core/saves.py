"""What the core asks to be saved: one frozen record per kind of change, in the order in which they happened.

They name columns and values; how they are written is the store's affair. The core never reads them back.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class InsertJob:
    """A new job. `values` are the columns of `jobs` without `id`; those left out take their defaults.

    A dict or list becomes JSON text, a bool 0 or 1, an enum its value.
    """

    id: int
    values: Mapping[str, Any]


CLONED = (
    *("project", "parent_id", "relation", "type", "component", "config", "branch_id", "mode", "name"),
    *(
        "description",
        "labels",
        "visible",
        "owner_uid",
        "owner_gid",
        "owner_name",
        "creator_type",
        "creator_id",
    ),
    *("pool", "lock_key", "lock_policy", "spec_hash", "env_hash", "behavior_on_error", "on_lost"),
)
"""What the next attempt has from the one before: all that was asked for, and nothing that came of it."""


@dataclass(frozen=True, slots=True)
class CloneJob:
    """A new job with the columns `CLONED` of another; `values` are its other columns, or override those."""

    id: int
    from_id: int
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class UpdateJob:
    """New values for some columns of one job; the other columns stay."""

    id: int
    changes: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class AppendEvent:
    """Something happened. The store gives it its `seq`."""

    time_us: int
    kind: str
    project: str
    job_id: int | None = None
    run_id: str | None = None
    principal: Mapping[str, Any] | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PutPool:
    """A pool is made or replaced; columns left out of `values` keep what they had, or their default.

    With `changed_us` it is the pool's next version, and `created_us` counts the first time only.
    """

    id: str
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class DeletePool:
    """A pool is gone."""

    id: str


@dataclass(frozen=True, slots=True)
class InsertDependency:
    """`job_id` waits for `on_id`; `when` is `success` (success or warning) or `final` (any end)."""

    job_id: int
    on_id: int
    when: str


@dataclass(frozen=True, slots=True)
class DeleteDependency:
    """`job_id` waits for `on_id` no longer: an amended job's dependants move to its successor."""

    job_id: int
    on_id: int


@dataclass(frozen=True, slots=True)
class SetMeta:
    """A fact about the daemon as a whole, such as that it is draining; `None` forgets it."""

    key: str
    value: str | None


@dataclass(frozen=True, slots=True)
class PutSpec:
    """A specification or environment, stored once per content; a hash that is known is left as it is."""

    hash: str
    body: bytes


Save: TypeAlias = (
    InsertJob
    | CloneJob
    | UpdateJob
    | AppendEvent
    | PutPool
    | DeletePool
    | InsertDependency
    | DeleteDependency
    | SetMeta
    | PutSpec
)
