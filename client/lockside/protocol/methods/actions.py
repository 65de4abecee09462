"""The method that runs an action of a component."""

from functools import cached_property
from typing import Any

from lockside.documents.base import ActionName, BranchId, ComponentId, ConfigId, FieldError, RowId, Tag
from lockside.documents.configuration import Configuration, content_of
from lockside.documents.variables import VariableValues
from lockside.protocol.declaration import Params, method
from lockside.protocol.errors import ErrorKind
from lockside.protocol.words import Role


@method(
    "action.run",
    Role.OPERATOR,
    answers=Any,
    refuses=[ErrorKind.NOT_FOUND, ErrorKind.TIMEOUT, ErrorKind.FAILED],
    positional=["config_data"],
    is_repeatable=False,
    example={"component": "acme.orders", "action": "testConnection"},
)
class ActionRun(Params, frozen=True, kw_only=True, dict=True):
    """Run an action of a component and return the JSON that it prints.

    Attributes:
        action: The action's name, one of the component's `actions`.
        config: The stored configuration to run the action with; its newest version is used.
        row: The row of that configuration, which is merged over it.
        config_data: A configuration given here instead of a stored one.
        variable_values_data: Values of variables; they override the configuration's defaults.
    """

    component: ComponentId
    action: ActionName
    config: ConfigId | None = None
    branch_id: BranchId = "default"
    row: RowId | None = None
    config_data: dict[str, Any] = {}
    variable_values_data: VariableValues = VariableValues()
    tag: Tag | None = None

    def check(self) -> None:
        """Raises FieldError for parameters that exclude each other, and for an invalid body."""
        if self.config is not None and self.config_data:
            raise FieldError("Give either `config` or `configData`, not both", "configData")
        if self.row is not None and self.config is None:
            raise FieldError("A row belongs to a stored configuration: name it in `config`", "row")
        _ = self.content

    @cached_property
    def content(self) -> Configuration:
        """The typed members of `configData`. Raises FieldError."""
        return content_of(self.config_data, "configData")
