"""The methods that every kind of stored object has, with their parameters, made of the kind's record.

`methods` has those whose parameters or answers are a kind's own; here is what is the same for all.
"""

from collections.abc import Iterable
from typing import Annotated, Any

from msgspec import Meta, defstruct
from msgspec.structs import fields

from lockside.documents.base import BranchId, ListPage, Out, Sequence, StoredVersion, Text, camel
from lockside.kinds import KINDS, Kind, with_files
from lockside.protocol.declaration import METHODS, ListParams, Mutation, Params, fields_of, method
from lockside.protocol.errors import ErrorKind
from lockside.protocol.types import branches, stored
from lockside.protocol.types.catalog import FieldChange
from lockside.protocol.words import Role

Fields = list[tuple[Any, ...]]


class Diff(Out, frozen=True, kw_only=True):
    """What differs between two versions of an object.

    Attributes:
        version: The version that is compared.
        to: The version that it is compared with.
        fields: The fields that differ: `old` in the first version, `new` in the second.
    """

    version: int
    to: int
    fields: list[FieldChange]


_ANSWERS: dict[str, tuple[Any, Any]] = {
    "component": (stored.Component, stored.Components),
    "config": (stored.Config, stored.Configs),
    "branch": (branches.Branch, branches.Branches),
    "variables": (stored.Variables, stored.VariablesList),
}

EXAMPLES: dict[str, dict[str, Any]] = {
    "component": {"id": "acme.orders", "command": ["orders", "--data={datadir}"]},
    "config": {"component": "acme.orders", "config": "daily"},
    "branch": {"id": "new-api"},
    "variables": {"id": "eu", "values": [{"name": "region", "value": "eu"}]},
}

_SUFFIXES = {"list": "ListAll", "versions": "VersionsOf"}  # the plain words are names of answers


def declare_all() -> None:
    """Declare the methods of every kind that are not declared already."""
    for kind in KINDS.values():
        for verb, base, members, answers, summary, example in _table(kind) if kind.verbs else ():
            name = f"{kind.word}.{verb}"
            if verb in kind.verbs and name not in METHODS:
                role = Role[kind.role.upper()] if base is Mutation else Role.VIEWER
                refuses = [] if verb == "list" else [ErrorKind.NOT_FOUND]
                params = _params(kind, verb, base, members, summary)
                method(
                    name, role, answers=answers, refuses=refuses, example=example, positional=_order(params)
                )(params)


def _order(params: Any) -> list[str]:
    """The optional parameters that the library takes by position."""
    return [name for name in ("version", "to", "type", "component") if name in _optional(params)]


def _optional(params: Any) -> set[str]:
    return {one.name for one in fields(params) if not one.required}


def _table(kind: Kind) -> list[tuple[str, type, Fields, Any, str, dict[str, Any]]]:
    """What each verb takes, what it answers, what it does, and an example."""
    answer, answers = _ANSWERS.get(kind.word) or _answers_of(kind)
    why = ("change_description", Text | None, None)
    expected = [("expected_version", Sequence | None, None)] if kind.put_verb == "put" else []
    whole: Fields = [*_members(kind, ()), (kind.word, kind.document), why, *expected]
    key, filters = _members(kind, kind.key), _members(kind, kind.filters, is_optional=True)
    shown = ("fields", fields_of(answer) | None, None)
    old = ("version", StoredVersion)
    version, to = [(name, StoredVersion | None, None) for name in ("version", "to")]
    to_key, to_branch = f"to_{kind.key[-1]}", ("to_branch_id", BranchId | None, None)
    target: Fields = [(to_key, key[-1][1]), to_branch] if kind.in_branch else [(to_key, key[-1][1])]
    example = EXAMPLES.get(kind.word) or dict.fromkeys(kind.key, "example")
    name = {member: example[member] for member in kind.key}
    at_3, a = name | {"version": 3}, kind.title
    return [
        (kind.put_verb, Mutation, whole, answer, f"Store a {a}.", {kind.word: example}),
        ("get", Params, [*key, version], answer, f"Return a {a}, in any version.", name),
        ("list", ListParams, [*filters, shown], answers, f"List {kind.titles}.", {}),
        ("delete", Mutation, key, stored.Deleted, f"Delete a {a}; its versions stay readable.", name),
        ("versions", ListParams, key, stored.ConfigVersions, f"List the versions of a {a}.", name),
        ("rollback", Mutation, [*key, old, why], answer, "Store an old version as the newest.", at_3),
        ("diff", Params, [*key, version, to], Diff, f"Compare two versions of a {a}.", at_3),
        ("copy", Mutation, [*key, version, *target], answer, f"Copy a {a}.", name | {camel(to_key): "other"}),
    ]


def contents() -> Any:
    """The base of the parameters of `catalog.stage` and `catalog.apply`: objects to store, by kind."""
    lists: Fields = [
        (kind.plural, _list_of(kind.document, Meta(max_length=10_000)) | None, None) for kind in with_files()
    ]
    said = "".join(f"    {kind.plural}: The {kind.titles}.\n" for kind in with_files())
    members: Fields = [("branch_id", BranchId, "default"), *lists]
    return _struct("CatalogContents", Params, members, f"Objects to store, by kind.\n\nAttributes:\n{said}")


def _members(kind: Kind, names: Iterable[str], *, is_optional: bool = False) -> Fields:
    """Members of a kind's document as parameters, behind the branch of a kind that is in branches."""
    types = {one.name: one.type for one in fields(kind.document)}
    branch: Fields = [("branch_id", BranchId, "default")] if kind.in_branch else []
    return [
        *branch,
        *((name, types[name] | None, None) if is_optional else (name, types[name]) for name in names),
    ]


def _params(kind: Kind, verb: str, base: type, members: Fields, summary: str) -> Any:
    said = {
        kind.word: f"The {kind.title}.",
        "id": f"The id of the {kind.title}.",
        "expected_version": "Refuse the call unless this is the current version; 0 means that there is none.",
        "to": "The version that it is compared with; null means the current one.",
        f"to_{kind.key[-1]}": "The id of the copy.",
        "to_branch_id": "The branch of the copy; null means the same branch.",
        "fields": f"Only these members of each {kind.title} are answered, and its id.",
    }
    if base is ListParams and verb == "list":
        said |= {name: f"Only {kind.titles} of this {name}." for name in kind.filters}
    listed = "".join(f"    {name}: {said[name]}\n" for name, *_ in members if name in said)
    text = f"{summary}\n\n" + (f"Attributes:\n{listed}" if listed else "")
    name = f"{kind.word.capitalize()}{_SUFFIXES.get(verb, verb.capitalize())}"
    return _struct(name, base, members, text)


def _answers_of(kind: Kind) -> tuple[Any, Any]:
    """The types of an object and of a list, for a kind without types of its own."""
    name = kind.word.capitalize()
    one = _struct(name, stored.stored_as(kind.document), [], f"A stored {kind.title}.")
    text = f"Several {kind.titles}.\n\nAttributes:\n    {kind.plural}: The {kind.titles}.\n"
    return one, _struct(kind.plural.capitalize(), ListPage, [(kind.plural, _list_of(one))], text)


def _list_of(type_: Any, *limits: Meta) -> Any:
    listed: Any = list
    return Annotated[(listed[type_], *limits)] if limits else listed[type_]


def _struct(name: str, base: type, members: Fields, text: str) -> Any:
    about = {"__doc__": text}
    return defstruct(
        name, members, bases=(base,), frozen=True, kw_only=True, module=__name__, namespace=about
    )
