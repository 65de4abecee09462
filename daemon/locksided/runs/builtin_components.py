"""The built-in components, which have no versions and no tags, and the tags of other components."""

from collections.abc import Mapping
from types import MappingProxyType

from lockside.documents.component import COMMAND, ORCHESTRATOR, STORAGE, Manifest
from lockside.documents.reading import stored_form
from locksided.core.errors import Invalid, NotFound

_BuiltIn = stored_form(Manifest)  # without a program of its own

BUILT_IN: Mapping[str, Manifest] = MappingProxyType(
    {
        COMMAND: _BuiltIn(
            id=COMMAND,
            name="Command",
            description="Runs a plain command in the caller's folder and environment.",
        ),
        ORCHESTRATOR: _BuiltIn(
            id=ORCHESTRATOR,
            name="Orchestrator",
            description="Runs tasks in phases, each task a job of another configuration.",
        ),
        STORAGE: _BuiltIn(
            id=STORAGE,
            name="Storage",
            description="Changes tables: the methods storage.* make its jobs.",
        ),
    }
)


def at_tag(manifest: Manifest, tag: str | None, path: str) -> Manifest:
    """Return the manifest with a tag applied (None: the component's own tag). Raises `NotFound`."""
    effective = manifest.at_tag(tag)
    if effective is None:
        known = sorted({*manifest.tags, *([manifest.tag] if manifest.tag else [])})
        raise NotFound(
            f"Component {manifest.id} has no tag {tag!r}. Known tags: {', '.join(known) or 'none'}.",
            path=path,
        )
    return effective


def check_action(component: str, manifest: Manifest, action: str, path: str) -> None:
    """Raise `Invalid` for a component without actions, `NotFound` for an action that it does not name."""
    if component in BUILT_IN:
        raise Invalid(f"{component} is built in and has no actions.", path=path)
    if manifest.actions and action not in manifest.actions:
        raise NotFound(
            f"Component {manifest.id} has no action {action!r}. Its actions: {', '.join(manifest.actions)}.",
            path=path,
        )
