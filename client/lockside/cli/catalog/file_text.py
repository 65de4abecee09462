"""The text of a stored object's file: without defaults, in a form that reads back equal. No I/O: texts are
checked by reading them as if they were files.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from lockside.cli.files.config_file import BODY_MEMBERS, CONFIG_MEMBERS
from lockside.cli.files.toml_writer import can_be_toml, toml_text
from lockside.documents.reading import from_store
from lockside.documents.unknown_keys import members_of
from lockside.errors import LocksideError
from lockside.kinds import Kind

Json = dict[str, Any]


class Text:
    """The contents of a file; `ending` is .toml if TOML can represent it, else .json."""

    def __init__(self, text: str, ending: str) -> None:
        self.text = text
        self.ending = ending


def same(kind: type[msgspec.Struct], one: Json, other: Json) -> bool:
    """Return whether two objects are stored equally; 1, 1.0 and true differ."""
    try:
        return _canonical(kind, one) == _canonical(kind, other)
    except msgspec.ValidationError:
        return False


def _canonical(kind: type[msgspec.Struct], body: Json) -> str:
    return json.dumps(msgspec.to_builtins(from_store(body, kind)), sort_keys=True)


def own_members(kind: type[msgspec.Struct], stored: Json) -> Json:
    """Return the members that were stored, without those that the daemon adds."""
    known = members_of(kind)
    return {name: value for name, value in stored.items() if name in known}


def plain(kind: Kind, stored: Json, folder: str) -> Text:
    """Write a document without defaults."""
    body = own_members(kind.document, stored)
    return _first_that_reads_back(kind, body, (_without_key(kind, body),), folder)


def _without_key(kind: Kind, body: Json) -> Json:
    slim = _slim(from_store(body, kind.document))
    return {name: value for name, value in slim.items() if name not in kind.key}


def component(kind: Kind, stored: Json, folder: str) -> Text:
    """Write a component for `folder`/components: paths in the folder are relative to it."""
    body = own_members(kind.document, stored)
    slim = _without_key(kind, body)
    here = os.path.join(os.path.abspath(folder), kind.place)
    candidates = (
        slim | _named_from(here, slim, lambda word: _from_here(here, os.path.dirname(here), word)),
        slim | _named_from(here, slim, _literal),
    )
    return _first_that_reads_back(kind, body, candidates, folder)


def _named_from(here: str, body: Json, spell: Callable[[str], str]) -> Json:
    """Apply `spell` to the arguments of a manifest, including those of its tags."""
    made: Json = {}
    if "command" in body:
        made["command"] = [spell(word) for word in body["command"]]
    if "pipeline" in body:
        made["pipeline"] = [[spell(word) for word in stage] for stage in body["pipeline"]]
    if "cwd" in body:
        made["cwd"] = spell(body["cwd"])
    if "tags" in body:
        made["tags"] = {
            tag: differs | _named_from(here, differs, spell) for tag, differs in body["tags"].items()
        }
    return made


def _from_here(here: str, root: str, word: str) -> str:
    if word == root or word.startswith(root + "/"):
        relative = os.path.relpath(word, here)
        return relative if relative.startswith(".") else "./" + relative
    return _literal(word)


def _literal(word: str) -> str:
    return word.replace("/", "//", 1) if word.startswith(("./", "../")) else word


def variables(kind: Kind, stored: Json, folder: str) -> Text:
    """Write a set of variables: as names and values if names are unique."""
    body = own_members(kind.document, stored)
    values = {each["name"]: each["value"] for each in body["values"]}
    return _first_that_reads_back(kind, body, (values, {"values": body["values"]}), folder)


def config(kind: Kind, stored: Json, folder: str) -> Text:
    """Write a configuration, with the members of `configuration` at the top level if possible."""
    body = own_members(kind.document, stored)
    own = {key: value for key, value in body.items() if key in ("name", "description") and value is not None}
    own |= {"isDisabled": True} if body.get("isDisabled") else {}
    rows = [_row(row) for row in body.get("rows") or ()]
    last: Json = {"rows": rows} if rows else {}
    inner = body.get("configuration") or {}
    candidates = [own | {"configuration": inner} | last] if inner else [own | last]
    if inner and not inner.keys() & (CONFIG_MEMBERS - BODY_MEMBERS):
        loose = [_loose_row(row) for row in rows]
        candidates.insert(0, own | inner | ({"rows": loose} if rows else {}))
    return _first_that_reads_back(kind, body, candidates, folder)


def _row(row: Json) -> Json:
    defaults: Json = {"name": None, "isDisabled": False, "configuration": {}}
    return {name: value for name, value in row.items() if name == "id" or value != defaults.get(name)}


def _loose_row(row: Json) -> Json:
    inner = row.get("configuration") or {}
    if not inner or inner.keys() & {"id", "name", "isDisabled", "configuration"}:
        return row
    return {name: value for name, value in row.items() if name != "configuration"} | inner


def pool(kind: Kind, stored: Json, _folder: str) -> Json:
    """Return the table of a pool, which always has its slots."""
    return {"slots": stored["slots"]} | _without_key(kind, own_members(kind.document, stored))


def bucket(kind: Kind, stored: Json, _folder: str) -> Json:
    """Return the table of a bucket, which always has its access."""
    return {"access": stored["access"]} | _without_key(kind, own_members(kind.document, stored))


def table_of(kind: Kind, stored: Json, _folder: str) -> Json:
    """Return the table of an object in a file of several."""
    return _without_key(kind, own_members(kind.document, stored))


def tables(kind: Kind, stored: list[Json], folder: str) -> str:
    """Write all objects of a kind to one file: a table for each."""
    return toml_text({key: kind.write(kind, one, folder) for (key,), one in _by_key(kind, stored)})


def _by_key(kind: Kind, stored: list[Json]) -> list[tuple[tuple[str, ...], Json]]:
    return sorted(((kind.key_of(one), one) for one in stored), key=lambda each: each[0])


def _first_that_reads_back(
    kind: Kind, body: Json, candidates: tuple[Json, ...] | list[Json], folder: str
) -> Text:
    key = kind.key_of(body)
    file = os.path.join(folder, kind.place, *key)
    with_faults = None
    for text in _texts(candidates):
        item = kind.read(kind, file + text.ending, key, text.text)
        if same(kind.document, item.body, body):
            if not item.faults:
                return text
            with_faults = with_faults or text
    if with_faults is None:
        raise LocksideError(f"{file} could not be written so that it reads back the same.")
    return with_faults  # an old release stored what is invalid now


def _texts(candidates: tuple[Json, ...] | list[Json]) -> Iterator[Text]:
    for document in candidates:
        if can_be_toml(document):
            yield Text(toml_text(document), ".toml")
    for document in reversed(candidates):
        yield Text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", ".json")


def _slim(value: msgspec.Struct) -> Json:
    """Return a typed object without defaults; whole seconds are integers."""
    kind = type(value).__struct_config__  # the tag of a union is not a field
    made: Json = {} if kind.tag_field is None else {kind.tag_field: kind.tag}
    for field in msgspec.structs.fields(value):
        each = getattr(value, field.name)
        factory = field.default_factory
        default = factory() if factory is not msgspec.NODEFAULT else field.default
        if each != default:
            made[field.encode_name] = _plain(each)
    return made


def _plain(value: Any) -> Any:
    if isinstance(value, msgspec.Struct):
        return _slim(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return msgspec.to_builtins(value)
