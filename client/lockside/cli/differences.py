"""Where a wanted object and the stored one differ, once both have their defaults. Pure."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from lockside.protocol.params import ConfigPut
from lockside.protocol.types import Manifest, PoolSpec, VariablesSpec

Json = dict[str, Any]

_KINDS: dict[str, type[msgspec.Struct]] = {
    "component.put": Manifest,
    "config.put": ConfigPut,
    "pool.put": PoolSpec,
    "variables.put": VariablesSpec,
}
_ABOUT_THE_CHANGE = {"changeDescription", "expectedVersion", "deduplicationId", "project"}
_LONGEST = 60


def differences(method: str, wanted: Json, stored: Json) -> list[str]:
    """Name each member that differs, with its value before and after."""
    kind = _KINDS[method]
    known = {field.encode_name for field in msgspec.structs.fields(kind)} - _ABOUT_THE_CHANGE
    before = _whole(kind, {name: value for name, value in stored.items() if name in known})
    after = _whole(kind, {name: value for name, value in wanted.items() if name in known})
    return list(_compared("", before, after))


def _whole(kind: type[msgspec.Struct], given: Json) -> Json:
    """Give the object with all its defaults, as the wire writes it."""
    whole: Json = msgspec.to_builtins(msgspec.convert(given, kind))
    return {name: value for name, value in whole.items() if name not in _ABOUT_THE_CHANGE}


def _compared(path: str, before: Any, after: Any) -> list[str]:
    if before == after and type(before) is type(after):
        return []
    if not isinstance(before, dict) or not isinstance(after, dict):
        return [f"{path.lstrip('.')}: {_short(before)} -> {_short(after)}"]
    found = []
    for name in sorted({*before, *after}):
        if name not in after:
            found.append(f"{path}.{name}: {_short(before[name])} is taken away".lstrip("."))
        elif name not in before:
            found.append(f"{path}.{name}: {_short(after[name])} is new".lstrip("."))
        else:
            found += _compared(f"{path}.{name}", before[name], after[name])
    return found


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
