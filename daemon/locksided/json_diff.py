"""Differences between two JSON documents, field by field. Pure; it knows no field names.

Secrets are compared, and shown as hidden. Lists of objects with ids of their own are compared item by item,
regardless of their order.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from lockside.documents.paths import join
from lockside.documents.secrets import HIDDEN, Secret, replaced

Change = dict[str, Any]


class _Masked(NamedTuple):
    """A replacement for a secret."""

    text: bytes


def _masked(secret: Secret) -> _Masked:
    return _Masked(msgspec.json.encode(secret.value))


def _unmasked(value: Any) -> Any:
    match value:
        case _Masked():
            return HIDDEN
        case Mapping():
            return {name: _unmasked(inner) for name, inner in value.items()}
        case list():
            return [_unmasked(inner) for inner in value]
        case _:
            return value


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Change]:
    """Return every field that differs, as `{path, old, new}`: no `old` if added, no `new` if removed."""
    return [_unmasked(one) for one in _of_objects("", replaced(old, _masked), replaced(new, _masked))]


def _of_objects(path: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    for name in dict.fromkeys((*old, *new)):
        at = join(path, name).lstrip(".")
        if name not in new:
            yield {"path": at, "old": old[name]}
        elif name not in old:
            yield {"path": at, "new": new[name]}
        else:
            yield from _of_values(at, old[name], new[name])


def _of_values(path: str, old: Any, new: Any) -> Iterator[Change]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        yield from _of_objects(path, old, new)
    elif _has_ids(old) and _has_ids(new):
        yield from _of_items(path, old, new)
    elif not _same(old, new):
        yield {"path": path, "old": old, "new": new}


def _of_items(path: str, old: Sequence[Any], new: Sequence[Any]) -> Iterator[Change]:
    before = {str(item["id"]): item for item in old}
    after = {str(item["id"]): item for item in new}
    for name in dict.fromkeys((*before, *after)):
        at = f"{path}[{name}]"
        if name not in after:
            yield {"path": at, "old": before[name]}
        elif name not in before:
            yield {"path": at, "new": after[name]}
        else:
            yield from _of_objects(at, before[name], after[name])
    kept = [name for name in before if name in after]
    if kept != [name for name in after if name in before]:
        yield {"path": f"{path} (their order)", "old": list(before), "new": list(after)}


def _has_ids(value: Any) -> bool:
    """Return whether it is a list of objects with unique ids."""
    if not isinstance(value, list) or not value:
        return False
    ids = [str(item["id"]) for item in value if isinstance(item, Mapping) and "id" in item]
    return len(ids) == len(value) == len(set(ids))


def _same(old: Any, new: Any) -> bool:
    """Return whether two values are equal JSON: 1, 1.0 and true differ."""
    if type(old) is not type(new):
        return False
    if isinstance(old, list):
        return len(old) == len(new) and all(map(_same, old, new))
    if isinstance(old, Mapping):
        return old.keys() == new.keys() and all(_same(old[name], new[name]) for name in old)
    return bool(old == new)
