"""The parameters of `component.*`, `config.*`, `branch.*`, `variables.*`, `state.*` and `catalog.*`."""

from typing import TYPE_CHECKING, Annotated

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
from lockside.protocol.params.base import ListParams, Mutating, Params, fields_of
from lockside.protocol.types.stored import Component, Config, Variables

if TYPE_CHECKING:
    ComponentFields = list[str]
    ConfigFields = list[str]
    VariablesFields = list[str]
else:
    ComponentFields = fields_of(Component)
    ConfigFields = fields_of(Config)
    VariablesFields = fields_of(Variables)


class ComponentPut(Mutating, frozen=True, kw_only=True):
    """Parameters of `component.put`.

    Attributes:
        component: The whole manifest.
    """

    component: Manifest


class ComponentGet(Params, frozen=True, kw_only=True):
    """Parameters of `component.get`.

    Attributes:
        id: The component's id.
    """

    id: ComponentId
    version: StoredVersion | None = None


class ComponentList(ListParams, frozen=True, kw_only=True):
    """Parameters of `component.list`.

    Attributes:
        type: Only components of this type.
    """

    type: ComponentType | None = None
    fields: ComponentFields | None = None


class ComponentDelete(Mutating, frozen=True, kw_only=True):
    """Parameters of `component.delete`.

    Attributes:
        id: The component's id.
    """

    id: ComponentId


class ConfigPut(ConfigSpec, frozen=True, kw_only=True):
    """Parameters of `config.put`: stores the next version.

    Attributes:
        expected_version: Refuse the call unless this is the current version; 0 means that there is none.
    """

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


class ConfigList(ListParams, frozen=True, kw_only=True):
    """Parameters of `config.list`.

    Attributes:
        component: Only configurations of this component.
    """

    component: ComponentId | None = None
    branch_id: BranchId = "default"
    fields: ConfigFields | None = None


class ConfigDelete(Mutating, frozen=True, kw_only=True):
    """Parameters of `config.delete`."""

    component: ComponentId
    config: ConfigId
    branch_id: BranchId = "default"


class ConfigVersionsOf(ListParams, frozen=True, kw_only=True):
    """Parameters of `config.versions`."""

    component: ComponentId
    config: ConfigId
    branch_id: BranchId = "default"


class ConfigRollback(Mutating, frozen=True, kw_only=True):
    """Parameters of `config.rollback`: an old version becomes the newest.

    Attributes:
        version: The old version to make current.
    """

    component: ComponentId
    config: ConfigId
    branch_id: BranchId = "default"
    version: StoredVersion


class ConfigCopy(Mutating, frozen=True, kw_only=True):
    """Parameters of `config.copy`; the newest version unless one is named.

    Attributes:
        to_config: The id of the copy.
        to_branch_id: The branch of the copy; null means the same branch.
    """

    component: ComponentId
    config: ConfigId
    branch_id: BranchId = "default"
    version: StoredVersion | None = None
    to_config: ConfigId
    to_branch_id: BranchId | None = None


class BranchCreate(Mutating, frozen=True, kw_only=True):
    """Parameters of `branch.create`.

    Attributes:
        branch: The branch.
    """

    branch: BranchSpec


class BranchList(ListParams, frozen=True, kw_only=True):
    """Parameters of `branch.list`."""


class BranchDelete(Mutating, frozen=True, kw_only=True):
    """Parameters of `branch.delete`.

    Attributes:
        id: The branch's id.
    """

    id: BranchId


class VariablesPut(Mutating, frozen=True, kw_only=True):
    """Parameters of `variables.put`.

    Attributes:
        variables: The whole set.
    """

    variables: VariablesSpec


class VariablesGet(Params, frozen=True, kw_only=True):
    """Parameters of `variables.get`.

    Attributes:
        id: The id of the set.
    """

    id: VariablesId


class VariablesListAll(ListParams, frozen=True, kw_only=True):
    """Parameters of `variables.list`."""

    fields: VariablesFields | None = None


class VariablesDelete(Mutating, frozen=True, kw_only=True):
    """Parameters of `variables.delete`.

    Attributes:
        id: The id of the set.
    """

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


DraftId = Annotated[str, Meta(min_length=1, max_length=64)]


class CatalogContents(Params, frozen=True, kw_only=True):
    """Objects to store, by kind.

    Attributes:
        pools: The pools.
        components: The components.
        variables: The sets of variables.
        configs: The configurations.
    """

    branch_id: BranchId = "default"
    pools: Annotated[list[PoolSpec], Meta(max_length=10_000)] | None = None
    components: Annotated[list[Manifest], Meta(max_length=10_000)] | None = None
    variables: Annotated[list[VariablesSpec], Meta(max_length=10_000)] | None = None
    configs: Annotated[list[ConfigSpec], Meta(max_length=10_000)] | None = None


class CatalogStage(CatalogContents, frozen=True, kw_only=True):
    """Parameters of `catalog.stage`: a part of what one `catalog.apply` on the same connection stores.

    The daemon keeps the parts until that call, or until the connection ends.

    Attributes:
        draft: A name that the caller chooses; the first part with it begins the draft.
    """

    draft: DraftId


class CatalogApply(CatalogContents, frozen=True, kw_only=True):
    """Parameters of `catalog.apply`: objects to store in one transaction.

    A kind that is not given is left alone; of one that is given, `prune` also deletes what is not named.
    With `dryRun` nothing changes and the plan is answered; `plan` is that answer's, and refuses another.

    Attributes:
        draft: What was staged under this name comes before the objects given here.
        prune: Delete what is stored and not given, of the kinds that are given.
        plan: The `plan` of an earlier dry run; the call is refused when anything else would change.
    """

    draft: DraftId | None = None
    deduplication_id: DeduplicationId | None = None
    prune: bool = False
    dry_run: bool = False
    plan: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    change_description: Text | None = None
