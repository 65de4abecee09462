# ruff: noqa: RUF012 - msgspec copies empty defaults, one for each object
"""The method that runs an action of a component."""

from functools import cached_property
from typing import Any

from lockside.documents.base import ActionName, ComponentId, Tag
from lockside.documents.configuration import Configuration, content_of
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
        config_data: The configuration to run the action with.
    """

    component: ComponentId
    action: ActionName
    config_data: dict[str, Any] = {}
    tag: Tag | None = None

    def check(self) -> None:
        """Raises FieldError for a body that cannot be read."""
        _ = self.content

    @cached_property
    def content(self) -> Configuration:
        """The typed members of `configData`. Raises FieldError."""
        return content_of(self.config_data, "configData")
