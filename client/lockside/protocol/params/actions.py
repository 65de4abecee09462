# ruff: noqa: RUF012 - msgspec copies empty defaults, one for each object
"""The parameters of `action.run`."""

from typing import Any

from lockside.protocol.base import ActionName, ComponentId, Tag
from lockside.protocol.configuration import check_configuration
from lockside.protocol.params.base import Params


class ActionRun(Params, frozen=True, kw_only=True):
    """Parameters of `action.run`.

    Attributes:
        action: The action's name, one of the component's `actions`.
        config_data: The configuration to run the action with.
    """

    component: ComponentId
    action: ActionName
    config_data: dict[str, Any] = {}
    tag: Tag | None = None

    def __post_init__(self) -> None:
        check_configuration(self.config_data, "configData")
