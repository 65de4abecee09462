"""The data that resolving a request takes and gives; no rule lives here."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from lockside.documents.enums import JobType, Leftovers, Mode, OnError, OnLost, OnRecordErrors
from locksided.runner.fields import Fields
from locksided.runner.limits import Limits
from locksided.runner.quantities import Parallelism
from locksided.runner.retrying import RetryPolicy


@dataclass(frozen=True, slots=True)
class Stored:
    """A stored object at one version."""

    id: str
    version: int | None
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Found:
    """What the store has of the things that a request refers to; None where there is nothing.

    `processors` maps the ids of processors' components to them.
    """

    component: Stored | None = None
    config: Stored | None = None
    variables: Stored | None = None
    processors: Mapping[str, Stored] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Defaults:
    """The daemon's own values, for what nobody names; `pools` are those that exist."""

    pools: Collection[str]
    pool: str = "default"
    lock_policy: str = "exclusive"
    timeout_seconds: float | None = 3600.0
    on_lost: OnLost = OnLost.REQUEUE


@dataclass(frozen=True, slots=True)
class Runtime:
    """What is decided by precedence. `lock_policy` is `exclusive`, `none` or `shared:N`."""

    pool: str
    parallelism: Parallelism | None
    backend: Mapping[str, Any]
    limits: Limits
    lock_policy: str
    on_lost: OnLost
    retry: RetryPolicy | None


@dataclass(frozen=True, slots=True)
class Resolved:
    """What a job is going to be.

    `lock_key` None means that it takes no lock at all (it has no key, or its policy is `none`).
    `rows` are the ids of those that run: None for a configuration that runs as a whole, empty when it has
    rows and none of them is to run. `state_rows` are the states that a good run saves (None: the root's).
    `environment` is stored apart and shown to its owner only. `user` is the account the component names.
    `root` is the configuration that runs and `asked` are the levels above the component's at which runtime
    values were looked for: an orchestration's tasks are made from both.
    """

    type: JobType
    component: str
    component_version: int | None
    tag: str | None
    config: str | None
    config_version: int | None
    branch: str
    mode: Mode
    name: str
    runtime: Runtime
    lock_key: str | None
    on_record_errors: OnRecordErrors
    on_error: OnError | None
    leftovers: Leftovers
    row_ids: tuple[str, ...]
    rows: tuple[str, ...] | None
    state_rows: tuple[str | None, ...]
    user: str | None
    spec: Mapping[str, Any]
    environment: Mapping[str, str] | None
    warnings: tuple[str, ...]
    root: Fields
    asked: tuple[Fields, ...]

    @property
    def lock_share(self) -> int:
        """N of `shared:N`, 0 for an exclusive lock."""
        kind, _, share = self.runtime.lock_policy.partition(":")
        return int(share) if kind == "shared" else 0
