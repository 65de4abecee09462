"""What a step must save: one frozen record per change, in the order of the changes.

They name columns and values; how they are written is the store's affair. The core never reads them back. The
two that every step has are named tuples, which are made faster.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias


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
        "owner_via",
        "creator_type",
        "creator_id",
    ),
    *(
        "pool",
        "pools",
        "needs",
        "lock_key",
        "lock_policy",
        "spec_hash",
        "env_hash",
        "behavior_on_error",
        "on_lost",
        "reads",
        "pinned",
        "schedule",
        "trigger",
    ),
)
"""The columns that a further attempt inherits: what was asked for, and nothing that came of it."""


@dataclass(frozen=True, slots=True)
class CloneJob:
    """A new job with the columns `CLONED` of another; `values` are its other columns, or override those."""

    id: int
    from_id: int
    values: Mapping[str, Any]


class UpdateJob(NamedTuple):
    """New values for some columns of one job; the other columns stay."""

    id: int
    changes: Mapping[str, Any]


class AppendEvent(NamedTuple):
    """An event; the store assigns its `seq`."""

    time_us: int
    kind: str
    project: str
    job_id: int | None = None
    run_id: str | None = None
    principal: Mapping[str, Any] | None = None
    data: Mapping[str, Any] = {}  # nobody changes it; a proxy could not be encoded


@dataclass(frozen=True, slots=True)
class PutPool:
    """A pool is created or replaced; columns that are not in `values` keep their value or get their default.

    With `changed_us` it is the pool's next version, and `created_us` counts the first time only.
    """

    id: str
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class DeletePool:
    """A pool is deleted."""

    id: str


@dataclass(frozen=True, slots=True)
class PutCondition:
    """A condition that blocks jobs has these columns now; with None it is forgotten."""

    id: str
    values: Mapping[str, Any] | None


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
    """A fact about the daemon as a whole, such as that it is draining; `None` deletes it."""

    key: str
    value: str | None


@dataclass(frozen=True, slots=True)
class PutSpec:
    """A specification or environment, stored once per content; a known hash changes nothing."""

    hash: str
    body: bytes


@dataclass(frozen=True, slots=True)
class PinTables:
    """A job that starts reads its tables as they are at the end of this transaction."""

    id: int


Save: TypeAlias = (
    InsertJob
    | CloneJob
    | UpdateJob
    | AppendEvent
    | PutPool
    | DeletePool
    | PutCondition
    | InsertDependency
    | DeleteDependency
    | SetMeta
    | PutSpec
    | PinTables
)
