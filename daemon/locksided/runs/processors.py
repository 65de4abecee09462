"""Processors around a component: their components, and their manifests as frozen with the job."""

from collections.abc import Iterable, Iterator, Mapping

from lockside.documents.component import Manifest
from lockside.documents.configuration import Configuration
from lockside.documents.enums import ProcessorPosition
from lockside.documents.paths import join
from lockside.documents.placeholders import without_value
from locksided.core.errors import Invalid, NotFound
from locksided.runs.builtin_components import at_tag
from locksided.runs.resolved import Stored


def processor_key(component: str, tag: str | None) -> str:
    """Return the key under which a processor's manifest is frozen."""
    return component if tag is None else f"{component}:{tag}"


def processor_components(contents: Iterable[Configuration]) -> set[str]:
    """Return the ids of all components that configurations (a root and its rows) use as processors."""
    return {
        processor.definition.component
        for content in contents
        for _, _, processor in content.processors.placed()
    }


def processor_manifests(
    contents: Iterable[tuple[str, Configuration]], found: Mapping[str, Stored[Manifest]]
) -> Iterator[tuple[str, Manifest]]:
    """Yield the manifests of all processors, by key. Raises `NotFound`, and `Invalid` for a wrong position.

    `contents` are configurations and their paths in the request.
    """
    for path, content in contents:
        for side, place, processor in content.processors.placed():
            at = join(path, "processors", side.value, place, "definition")
            component, tag = processor.definition.component, processor.definition.tag
            manifest = _manifest(found.get(component), component, tag, side, at)
            for name in without_value(manifest, processor.parameters):
                missing = join(path, "processors", side.value, place, "parameters", name)
                text = f"{missing}: it has no value, and the arguments of {component} need it."
                raise Invalid(text, path=missing)
            yield processor_key(component, tag), manifest


def _manifest(
    stored: Stored[Manifest] | None, component: str, tag: str | None, side: ProcessorPosition, path: str
) -> Manifest:
    at = join(path, "component")
    if stored is None:
        raise NotFound(f"There is no component {component!r} to use as a processor.", path=at)
    manifest = at_tag(stored.document, tag, join(path, "tag"))
    if text := manifest.misplaced(side):
        raise Invalid(f"{at}: {text}.", path=at)
    return manifest
