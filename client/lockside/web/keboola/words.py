"""Words that differ between Keboola and lockside, and the labels for what lockside has no field for."""

from typing import Any, Final

ORCHESTRATOR: Final = "lockside.orchestrator"
DEFAULT_BRANCH: Final = "default"
_DEFAULT_BRANCHES: Final = frozenset({"", "0", "null", "default"})

RUN_ID: Final = "kbc.runId"
MADE_WITH: Final = "kbc.tokenId"
MADE_WITH_NAME: Final = "kbc.tokenDescription"
BACKEND_CONTEXT: Final = "kbc.backend.context"
BACKEND_CONTAINER: Final = "kbc.backend.containerType"
LABELLED: Final = ("executor", "type", "orchestrationJobId", "orchestrationTaskId", "orchestrationPhaseId")
"""The members of a request that are stored as labels, and shown from them."""


def label_of(member: str) -> str:
    """Return the label that stores a member of a request."""
    return f"kbc.{member}"


def branch_in(value: Any) -> str:
    """Return the branch that a client means."""
    text = "" if value is None else str(value)
    return DEFAULT_BRANCH if text in _DEFAULT_BRANCHES else text


def branch_out(branch: str | None) -> str | None:
    """Return the branch for clients: the default one has no id."""
    return None if branch in (None, DEFAULT_BRANCH) else branch


class Components:
    """The names of components on both sides."""

    def __init__(self, aliases: tuple[str, ...]) -> None:
        self._aliases = aliases

    def read(self, component: str) -> str:
        """Return the component that a client means."""
        return ORCHESTRATOR if component in self._aliases else component

    def shown(self, component: str | None) -> str:
        """Return the name of a component for clients."""
        return self._aliases[0] if component == ORCHESTRATOR and self._aliases else component or ""
