"""The changes a step must save: one frozen record per change, in order.

They name columns and values; the store decides how they are written. The core never reads them back. The two
that occur in every step are named tuples, which are faster to create.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

NO_DATA: Mapping[str, Any] = {}
"""The data of an event without any: a plain dict, because not every encoder accepts other mappings."""


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
"""The columns that a further attempt inherits: those of the request, not of its result."""


@dataclass(frozen=True, slots=True)
class CloneJob:
    """A new job with the columns `CLONED` of another; `values` are or override the other columns."""

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
    data: Mapping[str, Any] = NO_DATA


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
    """New columns of a condition that blocks jobs; None deletes it."""

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
    """`job_id` no longer waits for `on_id`: an amended job's dependants move to its successor."""

    job_id: int
    on_id: int


@dataclass(frozen=True, slots=True)
class SetMeta:
    """A fact about the daemon as a whole, such as that it is draining; `None` deletes it."""

    key: str
    value: str | None


@dataclass(frozen=True, slots=True)
class PutSpec:
    """A specification or environment, stored once per content; an existing hash is ignored."""

    hash: str
    body: bytes


@dataclass(frozen=True, slots=True)
class PinTables:
    """Pin the tables that a starting job reads to their versions at the end of this transaction."""

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
