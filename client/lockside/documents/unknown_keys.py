"""Unknown keys of a configuration: which are misspelt, which are kept, and what to do about each."""

import re
from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from functools import cache
from typing import Any, Final, TypeAlias

import msgspec

from lockside.documents.base import FieldError
from lockside.documents.component import Manifest
from lockside.documents.keboola_spelling import FOREIGN
from lockside.documents.orchestration import Phase, Task, TaskSpecification
from lockside.documents.paths import Steps, join, steps_of
from lockside.documents.runtime import Limits, Retry, Runtime
from lockside.documents.storage import InputColumn, InputTable

_SHARED_CODE: Final = "shared code is not inserted here: put the code itself into the parameters"
_VARIABLES: Final = (
    "give values in `variables`, or name the set in a task or with the job as `variableValuesId`"
)
_MEANINGS: Final = {
    "image_tag": "the tag of the component is `runtime.tag`",
    "imageTag": "the tag of the component is `runtime.tag`",
    "shared_code_id": _SHARED_CODE,
    "shared_code_row_ids": _SHARED_CODE,
    "variables_id": _VARIABLES,
    "variables_values_id": _VARIABLES,
    "input": "put it under `storage`",
    "output": "put it under `storage`",
    "before": "put it under `processors`",
    "after": "put it under `processors`",
}
_PLACES: Final = {
    "`runtime`": Runtime,
    "`runtime.limits`": Limits,
    "`runtime.retry`": Retry,
    "the component": Manifest,
}
_KEPT: dict[type[msgspec.Struct], frozenset[str]] = {
    TaskSpecification: frozenset((*FOREIGN, "type", "metadata")),
    Task: frozenset(("backend", "description", "metadata")),
    Phase: frozenset(("description", "metadata")),
    InputColumn: frozenset(
        ("type", "length", "nullable", "destination", "compression", "convert_empty_values_to_null")
    ),
    InputTable: frozenset(("overwrite", "use_view", "load_type", "keep_internal_timestamp_column")),
}
"""Keys in phases, tasks and mappings of Keboola's files that have no effect here."""


def remedy(key: Steps) -> str:
    """Return what to do about a key that is unknown in its place; empty if there is no advice."""
    name = str(key[-1])
    if name in _MEANINGS:
        return _MEANINGS[name]
    own = re.sub("_([a-z])", lambda found: found[1].upper(), name)
    for place, kind in _PLACES.items():
        if own in kind.__struct_encode_fields__:
            called = f" as `{own}`" if own != name else ""
            return f"put it {'into' if kind is Manifest else 'under'} {place}{called}"
    return ""


def effect(key: Steps, known: Sequence[str]) -> str:
    """Return the effect of a key that is unknown in its place, and what to do about it."""
    near = get_close_matches(str(key[-1]), known, n=1, cutoff=0.75)
    advice = remedy(key) or "".join(f"perhaps `{name}` was meant" for name in near)
    return "it is kept and has no effect" + (f": {advice}" if advice else "")


Unknown: TypeAlias = tuple[str, list[str]]
"""The path of an unknown key, and the known names in its place."""


@cache
def members_of(kind: type[msgspec.Struct]) -> frozenset[str]:
    """Return the names of a type's members in JSON."""
    return frozenset(kind.__struct_encode_fields__)


def unknown_in(parts: Iterable[tuple[str, Any, type[msgspec.Struct]]]) -> Iterator[Unknown]:
    """Yield the unknown keys in parts of a document, each given with its path and type."""
    for at, part, kind in parts:
        if not isinstance(part, dict):
            continue
        known = members_of(kind)
        for key in part:
            if key not in known and key not in _KEPT.get(kind, ()):
                yield join(at, key), sorted(known)


def kept(unknown: Iterable[Unknown], path: str) -> Iterator[Unknown]:
    """Yield the unknown keys that are kept: files of Keboola have more keys there."""
    for at, known in unknown:
        is_mapping = at.startswith(f"{path}.storage")
        if is_mapping or (_is_extensible(at, path) and not likely(str(steps_of(at)[-1]), known)):
            yield at, known


def refuse_unknown(unknown: Iterable[Unknown], field: str) -> None:
    """Refuse likely misspellings, and all unknown keys in phases, tasks and processors. In a storage mapping
    nothing is refused: a component may use other keys.
    """
    for path, known in unknown:
        if path.startswith(f"{field}.storage"):
            continue
        name = str(steps_of(path)[-1])
        is_extensible = _is_extensible(path, field)
        near = likely(name, known) if is_extensible else next(iter(get_close_matches(name, known, n=1)), None)
        if near:
            raise FieldError(f"Unknown field `{name}`: did you mean `{near}`?", path)
        if not is_extensible:
            raise FieldError(f"Unknown field `{name}`; known fields are {', '.join(known)}", path)


def _is_extensible(path: str, root: str) -> bool:
    """Return whether a key is in the body itself or in its `runtime`."""
    return len(steps_of(path)) - len(steps_of(root)) == 1 or path.startswith(f"{root}.runtime.")


def likely(name: str, known: Sequence[str]) -> str | None:
    """Return the known name that this one is probably a misspelling of, or None."""
    near = get_close_matches(name, [one for one in known if abs(len(one) - len(name)) <= 1], n=1, cutoff=0.8)
    return near[0] if near else None
