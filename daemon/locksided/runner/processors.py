"""Processors around a component: which components they are, and their manifests as frozen with the job."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from locksided.core.errors import Invalid, NotFound
from locksided.runner.fields import Fields, join
from locksided.runner.manifest import effective_manifest
from locksided.runner.resolved import Stored

SIDES = ("before", "after")


def processor_components(configurations: Iterable[Mapping[str, Any]]) -> set[str]:
    """The ids of all components that the configurations (a root and its rows) use as processors."""
    return {
        component
        for configuration in configurations
        for _, processor in _processors(Fields(configuration))
        if (component := processor.object("definition").id("component")) is not None
    }


def processor_key(component: str, tag: str | None) -> str:
    """Under which a processor's manifest is frozen."""
    return component if tag is None else f"{component}:{tag}"


def processor_manifests(
    configurations: Iterable[Fields], found: Mapping[str, Stored]
) -> dict[str, dict[str, Any]]:
    """The manifests of all processors, by key. Raises `NotFound`, and `Invalid` for a wrong position."""
    manifests: dict[str, dict[str, Any]] = {}
    for configuration in configurations:
        for side, processor in _processors(configuration):
            definition = processor.object("definition")
            component, tag = definition.id("component") or "", definition.text("tag")
            stored, path = found.get(component), definition.at("component")
            if stored is None:
                raise NotFound(f"There is no component {component!r} to use as a processor.", path=path)
            manifest = effective_manifest(stored.body, tag, definition.at("tag"))
            _check_position(manifest, side, path)
            manifests[processor_key(component, tag)] = manifest
    return manifests


def _processors(configuration: Fields) -> Iterator[tuple[str, Fields]]:
    processors = configuration.object("processors")
    for side in SIDES:
        for index, processor in enumerate(processors.list(side)):
            yield side, Fields.read(processor, join(processors.at(side), index))


def _check_position(manifest: Mapping[str, Any], side: str, path: str) -> None:
    allowed = manifest.get("allowedProcessorPosition") or "any"
    if allowed not in ("any", side):
        raise Invalid(f"{path}: {manifest['id']} may only stand {allowed} a component.", path=path)
