"""The parameters of `component.*`, `config.*`, `branch.*`, `variables.*`, `state.*` and `catalog.*`."""

from typing import Annotated

from msgspec import Meta

from lockside.documents.base import (
    BranchId,
    ComponentId,
    ConfigId,
    DeduplicationId,
    ProjectId,
    RowId,
    Sequence,
    StoredVersion,
    Text,
    VariablesId,
)
from lockside.documents.component import Manifest
from lockside.documents.configuration import ConfigSpec
from lockside.documents.enums import ComponentType
from lockside.documents.pool import BranchSpec, PoolSpec
from lockside.documents.variables import VariablesSpec
from lockside.protocol.params.base import Mutating, Params


class ComponentPut(Mutating, frozen=True, kw_only=True):
    """Parameters of `component.put`."""

    component: Manifest


class ComponentGet(Params, frozen=True, kw_only=True):
    """Parameters of `component.get`."""

    id: ComponentId
    version: StoredVersion | None = None


class ComponentList(Params, frozen=True, kw_only=True):
    """Parameters of `component.list`."""

    type: ComponentType | None = None


class ComponentDelete(Mutating, frozen=True, kw_only=True):
    """Parameters of `component.delete`."""

    id: ComponentId


class ConfigPut(ConfigSpec, frozen=True, kw_only=True):
    """Parameters of `config.put`: with `expectedVersion` only over that version (0: none)."""

    project: ProjectId = "default"
    deduplication_id: DeduplicationId | None = None
    branch_id: BranchId = "default"
    change_description: Text | None = None
    expected_version: Sequence | None = None


class ConfigGet(Params, frozen=True, kw_only=True):
    """Parameters of `config.get`."""

    component: ComponentId
    config: ConfigId
    branch_id: BranchId = "default"
    version: StoredVersion | None = None


class ConfigList(Params, frozen=True, kw_only=True):
    """Parameters of `config.list`."""

    component: ComponentId | None = None
    branch_id: BranchId = "default"


class ConfigDelete(Mutating, frozen=True, kw_only=True):
    """Parameters of `config.delete`."""

    component: ComponentId
    config: ConfigId
    branch_id: BranchId = "default"


class ConfigVersionsOf(Params, frozen=True, kw_only=True):
    """Parameters of `config.versions`."""

    component: ComponentId
    config: ConfigId
    branch_id: BranchId = "default"


class ConfigRollback(Mutating, frozen=True, kw_only=True):
    """Parameters of `config.rollback`: an old version becomes the newest."""

    component: ComponentId
    config: ConfigId
    branch_id: BranchId = "default"
    version: StoredVersion


class ConfigCopy(Mutating, frozen=True, kw_only=True):
    """Parameters of `config.copy`; the newest version unless one is named."""

    component: ComponentId
    config: ConfigId
    branch_id: BranchId = "default"
    version: StoredVersion | None = None
    to_config: ConfigId
    to_branch_id: BranchId | None = None


class BranchCreate(Mutating, frozen=True, kw_only=True):
    """Parameters of `branch.create`."""

    branch: BranchSpec


class BranchList(Params, frozen=True, kw_only=True):
    """Parameters of `branch.list`."""


class BranchDelete(Mutating, frozen=True, kw_only=True):
    """Parameters of `branch.delete`."""

    id: BranchId


class VariablesPut(Mutating, frozen=True, kw_only=True):
    """Parameters of `variables.put`."""

    variables: VariablesSpec


class VariablesGet(Params, frozen=True, kw_only=True):
    """Parameters of `variables.get`."""

    id: VariablesId


class VariablesListAll(Params, frozen=True, kw_only=True):
    """Parameters of `variables.list`."""


class VariablesDelete(Mutating, frozen=True, kw_only=True):
    """Parameters of `variables.delete`."""

    id: VariablesId


class StateGet(Params, frozen=True, kw_only=True):
    """Parameters of `state.get`."""

    component: ComponentId
    config: ConfigId
    branch_id: BranchId = "default"
    row: RowId | None = None


class StateReset(Mutating, frozen=True, kw_only=True):
    """Parameters of `state.reset`."""

    component: ComponentId
    config: ConfigId
    branch_id: BranchId = "default"
    row: RowId | None = None


class CatalogApply(Mutating, frozen=True, kw_only=True):
    """Parameters of `catalog.apply`: all that is to be stored, in one transaction.

    A kind that is not given is left alone; of one that is given, `prune` also deletes what is not named.
    With `dryRun` nothing changes and the plan is answered; `plan` is that answer's, and refuses another.
    """

    branch_id: BranchId = "default"
    pools: Annotated[list[PoolSpec], Meta(max_length=10_000)] | None = None
    components: Annotated[list[Manifest], Meta(max_length=10_000)] | None = None
    variables: Annotated[list[VariablesSpec], Meta(max_length=10_000)] | None = None
    configs: Annotated[list[ConfigSpec], Meta(max_length=10_000)] | None = None
    prune: bool = False
    dry_run: bool = False
    plan: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    change_description: Text | None = None
