"""The components that are part of the daemon: their ids and manifests. They have no versions and no tags."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

COMMAND = "lockside.command"
ORCHESTRATOR = "lockside.orchestrator"

BUILT_IN: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        COMMAND: {
            "id": COMMAND,
            "name": "Command",
            "type": "other",
            "description": "Runs a plain command in the caller's folder and environment.",
        },
        ORCHESTRATOR: {
            "id": ORCHESTRATOR,
            "name": "Orchestrator",
            "type": "other",
            "description": "Runs tasks in phases, each task a job of another configuration.",
        },
    }
)
