"""The data that resolving a request takes and gives; no rule lives here."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from lockside.documents.archive import Archive
from lockside.documents.component import Manifest
from lockside.documents.configuration import ConfigSpec, Configuration
from lockside.documents.enums import JobType, OnLost
from lockside.documents.partition import Partition
from lockside.documents.recovery import RecoveryPolicy
from lockside.documents.runtime import Limits, Retry
from lockside.documents.staging import InputSource
from lockside.documents.variables import VariablesSpec
from locksided.runs.specification import Specification

if TYPE_CHECKING:
    from locksided.runs.runtime_values import Level
from typing import overload


def config_lock_key(branch: str, component: str, config: str) -> str:
    """The key of a stored configuration; no free text can equal it."""
    return f"c:{branch}/{component}/{config}"


def free_lock_key(text: str) -> str:
    """The key made of a caller's own text."""
    return f"t:{text}"


@overload
def wire_lock_key(key: str) -> str: ...
@overload
def wire_lock_key(key: str | None) -> str | None: ...
def wire_lock_key(key: str | None) -> str | None:
    """The key as callers see it: `branch/component/config`, or their own text."""
    return None if key is None else key.partition(":")[2]


T = TypeVar("T")

Parallelism = int | Literal["infinity"]


@dataclass(frozen=True, slots=True)
class Stored(Generic[T]):
    """A stored document at one version."""

    id: str
    version: int | None
    document: T


@dataclass(frozen=True, slots=True)
class Root:
    """The configuration that runs: its body, its typed members, and the path where it stands."""

    path: str
    values: Mapping[str, Any]
    content: Configuration


@dataclass(frozen=True, slots=True)
class Found:
    """What the store has of the things that a request refers to; None where there is nothing.

    `processors` maps the ids of processors' components to them. `context` are the values of variables that
    come from what made the job; they stand above a configuration's defaults and below everything given.
    """

    component: Stored[Manifest] | None = None
    config: Stored[ConfigSpec] | None = None
    variables: Stored[VariablesSpec] | None = None
    processors: Mapping[str, Stored[Manifest]] = field(default_factory=dict)
    context: Mapping[str, str] = field(default_factory=dict)


class TableSupport(Enum):
    """What the daemon does with storage mappings."""

    KEPT = auto()
    """Tables are read and written."""
    MISSING = auto()
    """They would be, but the extra for it is not installed."""
    UNUSED = auto()
    """Mappings are the component's own matter."""


@dataclass(frozen=True, slots=True)
class Defaults:
    """The daemon's own values, for what nobody names.

    `pools` are those that exist, with their slots, `resources` those of the project, with their capacities;
    None is without limit. `one_node_pools` are those whose jobs cannot have several machines. From
    `missing_schemes` nothing can be fetched: their extras are not installed.
    """

    pools: Mapping[str, int | None] = field(hash=False)
    resources: Mapping[str, int | None] = field(default_factory=dict, hash=False)
    pool: str = "default"
    lock_policy: str = "exclusive"
    timeout_seconds: float | None = 3600.0
    on_lost: OnLost = OnLost.REQUEUE
    tables: TableSupport = TableSupport.UNUSED
    missing_schemes: Collection[str] = ()
    one_node_pools: Collection[str] = frozenset()


@dataclass(frozen=True, slots=True)
class RuntimeValues:
    """What is decided by precedence. `lock_policy` is `exclusive`, `none` or `shared:N`.

    `pools` are those in which the job may run, by preference. `needs` are amounts of resources, and `slots`.
    """

    pools: tuple[str, ...]
    needs: Mapping[str, int]
    parallelism: Parallelism | None
    backend: Mapping[str, Any]
    limits: Limits
    lock_policy: str
    on_lost: OnLost
    retry: Retry | None
    recovery: Sequence[RecoveryPolicy] | None
    inputs: Sequence[InputSource]
    partition: Partition | None = None
    archive: Archive | None = None


@dataclass(frozen=True, slots=True)
class Resolved:
    """What a job is going to be.

    `lock_key` None means that it takes no lock at all (it has no key, or its policy is `none`).
    `environment` is stored apart and shown to its owner only. `root` is the configuration that runs and
    `asked` are the levels above the component's at which runtime values were looked for: an orchestration's
    tasks are made from both, and inherit `values`, which are the texts of all variables that were given,
    used here or not.
    """

    type: JobType
    name: str
    lock_key: str | None
    on_lost: OnLost
    spec: Specification
    environment: Mapping[str, str] | None
    warnings: tuple[str, ...]
    root: Root
    asked: tuple["Level", ...]
    values: Mapping[str, str] = field(default_factory=dict)

    @property
    def rows(self) -> tuple[str, ...] | None:
        """The rows that run; None for a configuration that runs as a whole."""
        return None if self.spec.rows is None else tuple(row.id for row in self.spec.rows)

    @property
    def lock_share(self) -> int:
        """N of `shared:N`, 0 for an exclusive lock."""
        kind, _, share = (self.spec.lock or "").partition(":")
        return int(share) if kind == "shared" else 0
