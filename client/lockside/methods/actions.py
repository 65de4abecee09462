"""The call `action.run`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lockside.requests import Group, Mode, Request, ask, call


class ActionCalls(Group[Mode]):
    """`action.*`"""

    @call
    def run(
        self,
        component: str,
        action: str,
        config_data: Mapping[str, Any] | None = None,
        *,
        tag: str | None = None,
    ) -> Request[Any]:
        """Run a component's synchronous action and give its JSON; never sent twice.

        Raises NotFound, TimedOut.
        """
        described = ask(
            "action.run", Any, component=component, action=action, config_data=config_data, tag=tag
        )
        described.is_repeatable = False
        return described
