"""Which sync actions a component has. Pure."""

from lockside.documents.component import Manifest
from locksided.core.errors import Invalid, NotFound
from locksided.runs.builtin_components import BUILT_IN


def check_action(component: str, manifest: Manifest, action: str, path: str) -> None:
    """Raises `Invalid` for a component without actions, `NotFound` for an action that it does not name."""
    if component in BUILT_IN:
        raise Invalid(f"{component} is built in and has no actions.", path=path)
    if manifest.actions and action not in manifest.actions:
        raise NotFound(
            f"Component {manifest.id} has no action {action!r}. Its actions: {', '.join(manifest.actions)}.",
            path=path,
        )
