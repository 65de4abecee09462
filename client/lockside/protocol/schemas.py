"""JSON Schemas of types, with descriptions of the types and their members."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from msgspec import inspect

from lockside.protocol.sentences import sentences, summary

Json = dict[str, Any]


def described(types: Sequence[Any], ref_template: str) -> tuple[tuple[Json, ...], dict[str, Json]]:
    """Return the schema of each type, and by name the schemas of all types that they contain.

    `ref_template` is the format of references, with `{name}` in it.
    """
    schemas, components = msgspec.json.schema_components(types, ref_template=ref_template)
    _describe_members(components, _structs(types))
    return schemas, components


def _describe_members(components: dict[str, Json], kinds: Iterable[type[msgspec.Struct]]) -> None:
    """Add the descriptions of members, which msgspec leaves in the description of the type."""
    for kind in kinds:
        schema = components[kind.__name__]
        schema["description"] = summary(kind)
        said = sentences(kind)
        for member in msgspec.structs.fields(kind):
            if member.name in said:
                schema["properties"][member.encode_name]["description"] = said[member.name]
        if tag := kind.__struct_config__.tag_field:
            schema["properties"][tag]["description"] = "Distinguishes the types."


def _structs(types: Iterable[Any]) -> set[type[msgspec.Struct]]:
    """Return all struct types that these types contain."""
    found: set[type[msgspec.Struct]] = set()
    left = list(inspect.multi_type_info(types))
    while left:
        match left.pop():
            case inspect.StructType(cls=cls, fields=members) if cls not in found:
                found.add(cls)
                left += [member.type for member in members]
            case inspect.UnionType(types=parts):
                left += parts
            case inspect.ListType(item_type=part) | inspect.DictType(value_type=part):
                left.append(part)
            case inspect.Metadata(type=part):
                left.append(part)
            case _:
                pass
    return found
