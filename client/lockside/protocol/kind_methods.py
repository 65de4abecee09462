"""The methods that every kind of stored object has, with their parameters, derived from the kind's record."""

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from msgspec import Meta, defstruct
from msgspec.structs import fields

from lockside.documents.base import BranchId, ListPage, Out, Sequence, StoredVersion, Text, camel
from lockside.kinds import KINDS, Kind, with_files
from lockside.protocol.declaration import METHODS, ListParams, Mutation, Params, fields_of, method
from lockside.protocol.errors import ErrorKind
from lockside.protocol.types import notifications, schedules, stored, triggers
from lockside.protocol.types.catalog import FieldChange
from lockside.protocol.words import Role

Fields = list[tuple[Any, ...]]


class Diff(Out, frozen=True, kw_only=True):
    """The differences between two versions of an object.

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
    "branch": (stored.Branch, stored.Branches),
    "template": (stored.Template, stored.Templates),
    "resource": (stored.Resource, stored.Resources),
    "variables": (stored.Variables, stored.VariablesList),
    "schedule": (schedules.Schedule, schedules.Schedules),
    "trigger": (triggers.Trigger, triggers.Triggers),
    "notification": (notifications.Notification, notifications.Notifications),
    "bucket": (stored.Bucket, stored.Buckets),
    "system": (stored.System, stored.Systems),
}

ORDERS: dict[str, Any] = {"component": "acme.orders", "config": "daily"}
MANIFEST: dict[str, Any] = {"id": "acme.orders", "command": ["orders", "--data={datadir}"]}
EXAMPLES: dict[str, dict[str, Any]] = {
    "component": MANIFEST,
    "config": ORDERS | {"configuration": {"parameters": {"since": "yesterday"}}},
    "branch": {"id": "new-api"},
    "template": {"id": "load", "values": [{"name": "country"}], "job": {"component": "acme.orders"}},
    "resource": {"id": "gpu", "units": ["0", "1"], "environment": "CUDA_VISIBLE_DEVICES"},
    "variables": {"id": "eu", "values": [{"name": "region", "value": "eu"}]},
    "schedule": {"id": "nightly", "every": "1h", "job": {"component": "acme.orders", "config": "daily"}},
    "trigger": {
        "id": "report",
        "on": [{"job": {"component": "acme.orders"}}],
        "job": {"component": "acme.report"},
    },
    "notification": {
        "id": "failures",
        "event": "job-failed",
        "recipient": {"channel": "webhook", "url": "https://hooks.example.com/lockside"},
    },
    "bucket": {"id": "in.c-shop", "access": "groupRead"},
    "system": {"id": "archive", "type": "sftp", "root": "sftp://files.example.com/data", "isWritable": True},
}

_SUMMARIES = {"branch.delete": "Delete a branch and its configurations."}

_EXPAND: dict[str, Fields] = {
    "component": [("expand", Annotated[list[Literal["configs"]], Meta(max_length=1)], [])],
}

_SUFFIXES = {"list": "ListAll", "versions": "VersionsOf"}  # the plain words are names of results


def declare_all() -> None:
    """Declare the methods of every kind, except those with a declaration of their own."""
    for kind in KINDS.values():
        for verb, base, members, answers, summary, example in _table(kind) if kind.verbs else ():
            name = f"{kind.methods}.{verb}"
            if verb in kind.verbs and name not in METHODS:
                method(
                    name,
                    Role.VIEWER if base in (Params, ListParams) else Role[kind.role.upper()],
                    answers=answers,
                    refuses=[] if verb == "list" and not kind.in_branch else [ErrorKind.NOT_FOUND],
                    example=example,
                    positional=_positional(kind, verb, members),
                )(_params(kind, verb, base, members, _SUMMARIES.get(name, summary)))


def _positional(kind: Kind, verb: str, members: Fields) -> list[str]:
    """Return the optional parameters that the library accepts by position."""
    if verb == kind.put_verb:
        return [kind.content] if kind.content else []
    optional = {name for name, _, *default in members if default}
    return [name for name in ("version", "to", *kind.filters) if name in optional]


def _table(kind: Kind) -> list[tuple[str, type, Fields, Any, str, dict[str, Any]]]:
    """Return for each verb its parameters, the type of its result, its summary and an example."""
    answer, answers = _ANSWERS.get(kind.word) or _answers_of(kind)
    why = ("change_description", Text | None, None)
    expected = [("expected_version", Sequence | None, None)] if kind.put_verb == "put" else []
    branch, added = _members(kind, ()), [why, *expected]
    whole: Fields = [*branch, (kind.member, kind.document), *added]
    if kind.is_flat:
        whole = [*((one.name, one.type, one.default) for one in fields(Mutation)), *branch, *added]
    key, filters = _members(kind, kind.key), _members(kind, kind.filters, is_optional=True)
    shown = ("fields", fields_of(answer) | None, None)
    old = ("version", StoredVersion)
    version, to = [(name, StoredVersion | None, None) for name in ("version", "to")]
    to_key, to_branch = f"to_{kind.key[-1]}", ("to_branch_id", BranchId | None, None)
    target: Fields = [(to_key, key[-1][1]), to_branch] if kind.in_branch else [(to_key, key[-1][1])]
    example = EXAMPLES.get(kind.word) or dict.fromkeys(kind.key, "example")
    name = {member: example[member] for member in kind.key}
    at_3, a = name | {"version": 3}, kind.title
    of_branch = " of a branch" if kind.in_branch else ""
    stores = f"Store a {a} as its next version." if expected else f"Create a {a}."
    base, put = (kind.document, example) if kind.is_flat else (Mutation, {kind.member: example})
    return [
        (kind.put_verb, base, whole, answer, stores, put),
        ("get", Params, [*key, version], answer, f"Return a {a}, in any version.", name),
        (
            "list",
            ListParams,
            [*filters, shown, *_EXPAND.get(kind.word, [])],
            answers,
            f"List {kind.titles}{of_branch}.",
            {},
        ),
        ("delete", Mutation, [*key, why], stored.Deleted, f"Delete a {a}; its versions stay readable.", name),
        ("versions", ListParams, key, stored.ConfigVersions, f"List the versions of a {a}.", name),
        ("rollback", Mutation, [*key, old, why], answer, "Store an old version as the newest.", at_3),
        ("diff", Params, [*key, version, to], Diff, f"Compare two versions of a {a}.", at_3),
        (
            "copy",
            Mutation,
            [*key, version, *target, why],
            answer,
            f"Copy a {a}. The newest version is copied unless one is named.",
            name | {camel(to_key): "other"},
        ),
    ]


def contents() -> Any:
    """Return the base type of the parameters of `catalog.stage` and `catalog.apply`: objects by kind."""
    lists: Fields = [
        (kind.plural, _list_of(kind.document, Meta(max_length=10_000)) | None, None) for kind in with_files()
    ]
    said = "".join(f"    {kind.plural}: The {kind.titles}.\n" for kind in with_files())
    members: Fields = [("branch_id", BranchId, "default"), *lists]
    return _struct("CatalogContents", Params, members, f"Objects to store, by kind.\n\nAttributes:\n{said}")


def _members(kind: Kind, names: Iterable[str], *, is_optional: bool = False) -> Fields:
    """Return members of a kind's document as parameters, after `branch_id` if it belongs to a branch."""
    types = {one.name: one.type for one in fields(kind.document)}
    branch: Fields = [("branch_id", BranchId, "default")] if kind.in_branch else []
    return [
        *branch,
        *((name, types[name] | None, None) if is_optional else (name, types[name]) for name in names),
    ]


def _params(kind: Kind, verb: str, base: type, members: Fields, summary: str) -> Any:
    said = {
        "id": f"The id of the {kind.title}.",
        "expected_version": "Refuse the call unless this is the current version; 0 if none is stored.",
        "to": "The version that it is compared with; null means the current one.",
        f"to_{kind.key[-1]}": "The id of the copy.",
        "to_branch_id": "The branch of the copy; null means the same branch.",
        "expand": "Also return the `configs` of each component, as `config.list` does.",
        "fields": f"Return only these members of each {kind.title}, and its id.",
    }
    if verb == "list":
        said |= {name: f"Only {kind.titles} of this {name}." for name in kind.filters}
    if verb == kind.put_verb:
        said[kind.member] = f"The whole {kind.title}."
    if verb == "rollback":
        said["version"] = "The old version to make current."
    listed = "".join(f"    {name}: {said[name]}\n" for name, *_ in members if name in said)
    text = f"{summary}\n\n" + (f"Attributes:\n{listed}" if listed else "")
    name = f"{kind.word.capitalize()}{_SUFFIXES.get(verb, verb.capitalize())}"
    return _struct(name, base, members, text)


def _answers_of(kind: Kind) -> tuple[Any, Any]:
    """Return the types of an object and of a list, for a kind without types of its own."""
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
