# ruff: noqa: RUF012 - msgspec copies empty defaults, one for each object
"""The parameters of `action.run`."""

from functools import cached_property
from typing import Any

from lockside.documents.base import ActionName, ComponentId, Tag
from lockside.documents.configuration import Configuration, content_of
from lockside.protocol.params.base import Params


class ActionRun(Params, frozen=True, kw_only=True, dict=True):
    """Parameters of `action.run`.

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
