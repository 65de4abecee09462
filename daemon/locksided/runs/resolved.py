"""The input and output data of resolving a request; this module has no rules."""

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
    """Return the key of a stored configuration; a caller's own text cannot equal it."""
    return f"c:{branch}/{component}/{config}"


def free_lock_key(text: str) -> str:
    """Return the key for a caller's own text."""
    return f"t:{text}"


@overload
def wire_lock_key(key: str) -> str: ...
@overload
def wire_lock_key(key: str | None) -> str | None: ...
def wire_lock_key(key: str | None) -> str | None:
    """Return the key as callers see it: `branch/component/config`, or their own text."""
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
    """The configuration that runs: its body, its typed members, and its path in the request."""

    path: str
    values: Mapping[str, Any]
    content: Configuration


@dataclass(frozen=True, slots=True)
class Found:
    """The stored objects that a request refers to; None where there is none.

    `processors` maps the ids of processors' components to them. `context` has values of variables from what
    created the job; they override a configuration's defaults and are overridden by all given values.
    """

    component: Stored[Manifest] | None = None
    config: Stored[ConfigSpec] | None = None
    variables: Stored[VariablesSpec] | None = None
    processors: Mapping[str, Stored[Manifest]] = field(default_factory=dict)
    context: Mapping[str, str] = field(default_factory=dict)


class TableSupport(Enum):
    """How the daemon handles storage mappings."""

    KEPT = auto()
    """Tables are read and written."""
    MISSING = auto()
    """They would be, but the required extra is not installed."""
    UNUSED = auto()
    """Mappings are left to the component."""


@dataclass(frozen=True, slots=True)
class Defaults:
    """The daemon's defaults, for values that no document sets.

    `pools` are the existing ones with their slots, `resources` those of the project with their capacities;
    None means no limit. Jobs of `one_node_pools` cannot have several machines. The extras for
    `missing_schemes` are not installed: nothing can be fetched with them.
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
    """The values decided by precedence. `lock_policy` is `exclusive`, `none` or `shared:N`.

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
    """The description of a job to be created.

    `lock_key` None means that it takes no lock (it has no key, or its policy is `none`). `environment` is
    stored separately and shown only to its owner. `root` is the configuration that runs and `asked` are the
    levels above the component's with runtime values: an orchestration's tasks are made from both, and inherit
    `values`, the texts of all variables that were given, whether used here or not.
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
