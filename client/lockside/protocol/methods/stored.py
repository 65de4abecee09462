"""The methods of components, configurations, branches and variables."""

from typing import TYPE_CHECKING, Any, Final

from lockside.documents.base import (
    BranchId,
    ComponentId,
    ConfigId,
    DeduplicationId,
    ProjectId,
    Sequence,
    StoredVersion,
    Text,
    VariablesId,
)
from lockside.documents.component import Manifest
from lockside.documents.configuration import ConfigSpec
from lockside.documents.enums import ComponentType
from lockside.documents.pool import BranchSpec
from lockside.documents.variables import VariablesSpec
from lockside.protocol.declaration import ListParams, Mutation, Params, fields_of, method
from lockside.protocol.errors import ErrorKind
from lockside.protocol.methods.jobs import ORDERS
from lockside.protocol.types.branches import Branch, Branches
from lockside.protocol.types.stored import (
    Component,
    Components,
    Config,
    Configs,
    ConfigVersions,
    Deleted,
    Variables,
    VariablesList,
)
from lockside.protocol.words import Role

if TYPE_CHECKING:
    ComponentFields = list[str]
    ConfigFields = list[str]
    VariablesFields = list[str]
else:
    ComponentFields = fields_of(Component)
    ConfigFields = fields_of(Config)
    VariablesFields = fields_of(Variables)

MANIFEST: Final[dict[str, Any]] = {"id": "acme.orders", "command": ["orders", "--data={datadir}"]}


@method("component.put", Role.ADMIN, answers=Component, example={"component": MANIFEST})
class ComponentPut(Mutation, frozen=True, kw_only=True):
    """Store a component.

    Attributes:
        component: The whole manifest.
    """

    component: Manifest


@method(
    "component.get",
    Role.VIEWER,
    answers=Component,
    refuses=[ErrorKind.NOT_FOUND],
    positional=["version"],
    example={"id": "acme.orders"},
)
class ComponentGet(Params, frozen=True, kw_only=True):
    """Return a component, in any version.

    Attributes:
        id: The component's id.
    """

    id: ComponentId
    version: StoredVersion | None = None


@method("component.list", Role.VIEWER, answers=Components, positional=["type"], example={"type": "extractor"})
class ComponentList(ListParams, frozen=True, kw_only=True):
    """List components.

    Attributes:
        type: Only components of this type.
    """

    type: ComponentType | None = None
    fields: ComponentFields | None = None


@method(
    "component.delete",
    Role.ADMIN,
    answers=Deleted,
    refuses=[ErrorKind.NOT_FOUND],
    example={"id": "acme.orders"},
)
class ComponentDelete(Mutation, frozen=True, kw_only=True):
    """Delete a component; its versions stay readable.

    Attributes:
        id: The component's id.
    """

    id: ComponentId


@method(
    "config.put",
    Role.OPERATOR,
    answers=Config,
    refuses=[ErrorKind.NOT_FOUND],
    positional=["configuration"],
    example=ORDERS | {"configuration": {"parameters": {"since": "yesterday"}}},
)
class ConfigPut(ConfigSpec, frozen=True, kw_only=True):
    """Store a configuration as its next version.

    Attributes:
        expected_version: Refuse the call unless this is the current version; 0 means that there is none.
    """

    project: ProjectId = "default"
    deduplication_id: DeduplicationId | None = None
    branch_id: BranchId = "default"
    change_description: Text | None = None
    expected_version: Sequence | None = None


@method(
    "config.get",
    Role.VIEWER,
    answers=Config,
    refuses=[ErrorKind.NOT_FOUND],
    positional=["version"],
    example=ORDERS,
)
class ConfigGet(Params, frozen=True, kw_only=True):
    """Return a configuration, in any version."""

    component: ComponentId
    config: ConfigId
    branch_id: BranchId = "default"
    version: StoredVersion | None = None


@method(
    "config.list",
    Role.VIEWER,
    answers=Configs,
    positional=["component"],
    example={"component": "acme.orders"},
)
class ConfigList(ListParams, frozen=True, kw_only=True):
    """List the configurations of a branch.

    Attributes:
        component: Only configurations of this component.
    """

    component: ComponentId | None = None
    branch_id: BranchId = "default"
    fields: ConfigFields | None = None


@method("config.delete", Role.OPERATOR, answers=Deleted, refuses=[ErrorKind.NOT_FOUND], example=ORDERS)
class ConfigDelete(Mutation, frozen=True, kw_only=True):
    """Delete a configuration; its versions stay readable."""

    component: ComponentId
    config: ConfigId
    branch_id: BranchId = "default"


@method("config.versions", Role.VIEWER, answers=ConfigVersions, refuses=[ErrorKind.NOT_FOUND], example=ORDERS)
class ConfigVersionsOf(ListParams, frozen=True, kw_only=True):
    """List the versions of a configuration."""

    component: ComponentId
    config: ConfigId
    branch_id: BranchId = "default"


@method(
    "config.rollback",
    Role.OPERATOR,
    answers=Config,
    refuses=[ErrorKind.NOT_FOUND],
    example=ORDERS | {"version": 3},
)
class ConfigRollback(Mutation, frozen=True, kw_only=True):
    """Store an old version as the newest.

    Attributes:
        version: The old version to make current.
    """

    component: ComponentId
    config: ConfigId
    branch_id: BranchId = "default"
    version: StoredVersion


@method(
    "config.copy",
    Role.OPERATOR,
    answers=Config,
    refuses=[ErrorKind.NOT_FOUND],
    example=ORDERS | {"toConfig": "hourly"},
)
class ConfigCopy(Mutation, frozen=True, kw_only=True):
    """Copy a configuration.

    The newest version is copied unless one is named.

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


@method(
    "branch.create", Role.OPERATOR, answers=Branch, positional=["name"], example={"branch": {"id": "new-api"}}
)
class BranchCreate(Mutation, frozen=True, kw_only=True):
    """Create a branch.

    Attributes:
        branch: The branch.
    """

    branch: BranchSpec


@method("branch.list", Role.VIEWER, answers=Branches)
class BranchList(ListParams, frozen=True, kw_only=True):
    """List branches."""


@method(
    "branch.delete", Role.OPERATOR, answers=Deleted, refuses=[ErrorKind.NOT_FOUND], example={"id": "new-api"}
)
class BranchDelete(Mutation, frozen=True, kw_only=True):
    """Delete a branch and its configurations.

    Attributes:
        id: The branch's id.
    """

    id: BranchId


@method(
    "variables.put",
    Role.OPERATOR,
    answers=Variables,
    positional=["values"],
    example={"variables": {"id": "eu", "values": [{"name": "region", "value": "eu"}]}},
)
class VariablesPut(Mutation, frozen=True, kw_only=True):
    """Store a set of variables.

    Attributes:
        variables: The whole set.
    """

    variables: VariablesSpec


@method("variables.get", Role.VIEWER, answers=Variables, refuses=[ErrorKind.NOT_FOUND], example={"id": "eu"})
class VariablesGet(Params, frozen=True, kw_only=True):
    """Return a set of variables.

    Attributes:
        id: The id of the set.
    """

    id: VariablesId


@method("variables.list", Role.VIEWER, answers=VariablesList)
class VariablesListAll(ListParams, frozen=True, kw_only=True):
    """List sets of variables."""

    fields: VariablesFields | None = None


@method(
    "variables.delete", Role.OPERATOR, answers=Deleted, refuses=[ErrorKind.NOT_FOUND], example={"id": "eu"}
)
class VariablesDelete(Mutation, frozen=True, kw_only=True):
    """Delete a set of variables.

    Attributes:
        id: The id of the set.
    """

    id: VariablesId
