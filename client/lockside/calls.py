"""The calls of the Python library, derived from the declarations of the methods: they turn arguments into
requests. Required parameters may be positional, in their order; others are keywords, in snake case. A method
whose only required parameter is a document also accepts the members of that document, and a list of names and
values may be a mapping. None is not sent, unless null has a meaning of its own. Nothing here does I/O.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from inspect import Parameter, Signature, cleandoc
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import msgspec

from lockside import errors
from lockside.documents.base import snake
from lockside.own_job import VARIABLES
from lockside.protocol.declaration import Method, Mutation, OtherUse
from lockside.protocol.sentences import sentences, summary
from lockside.requests import NOT_CONVERTED, Request
from lockside.session import NULL
from lockside.transport import new_deduplication_id

_CLASSES = {one.kind: name for name, one in errors.CLASSES.items()}


@dataclass(frozen=True)
class Member:
    """A parameter: its name in Python and on the wire, its type, and whether a document holds it.

    `has_null` is True if null differs from a parameter that is not given.
    """

    name: str
    wire: str
    type: Any
    is_required: bool
    is_of_document: bool = False
    has_null: bool = False


@cache
def members_of(kind: type[msgspec.Struct], *, is_of_document: bool = False) -> Mapping[str, Member]:
    """Return the members of a type by their Python names, in order."""
    return {
        one.name: Member(one.name, one.encode_name, one.type, one.required, is_of_document, _has_null(one))
        for one in msgspec.structs.fields(kind)
    }


def document_in(members: Iterable[Member]) -> Member | None:
    """Return the only required parameter, if it is a document."""
    required = [one for one in members if one.is_required]
    return required[0] if len(required) == 1 and _is_document(required[0].type) else None


class Call:
    """A method under one of its names in the library.

    `positional` and `required` are names of parameters; `members` has all parameters.
    """

    def __init__(self, method: Method, use: OtherUse | None = None) -> None:
        self.method = method
        self.name = use.called if use else snake(method.called)
        self.answers = use.answers if use else method.answers
        self.summary = use.summary if use else method.summary
        own = members_of(method.params)
        self.document = document_in(own.values())
        inner = members_of(self.document.type, is_of_document=True) if self.document else {}
        self.members = {**inner, **own}
        positional = list(method.positional)
        self._own = VARIABLES.get(method.name, {})
        self._fixed: dict[str, Any] = {}
        if method.other:
            flag = self.members.pop(method.other.given)
            if use and flag.type is bool:
                self._fixed = {flag.wire: True}
            elif use:
                del self.members[positional[0]]
                positional[0] = flag.name
                self.members[flag.name] = Member(flag.name, flag.wire, flag.type, is_required=True)
        asked = inner if self.document else self.members
        self.required = [one.name for one in asked.values() if one.is_required]
        self.positional = list(dict.fromkeys([*self.required, *positional]))

    def request(self, args: Sequence[Any], named: Mapping[str, Any]) -> Request[Any]:
        """Return the request for these arguments; raises TypeError for wrong ones."""
        given = self._bound(args, named)
        params: dict[str, Any] = dict(self.method.defaults) | self._fixed
        document: dict[str, Any] = {}
        for name, value in given.items():
            member = self.members[name]
            if value is not None or (member.wire in self._own and not member.is_required):
                target = document if member.is_of_document else params
                target[member.wire] = _pairs(value, member.type)
        if self.document and document:
            params[self.document.wire] = document
        params = msgspec.to_builtins(params, builtin_types=NOT_CONVERTED)
        self._check_complete(given, params)
        members = [self.members[name] for name, value in given.items() if value is None]
        params |= {one.wire: NULL for one in members if one.has_null and not one.is_of_document}
        if self.method.mutates:
            params.setdefault("deduplicationId", new_deduplication_id())
        return Request(self.method.name, params, self.answers, self.method.is_repeatable)

    def _bound(self, args: Sequence[Any], named: Mapping[str, Any]) -> dict[str, Any]:
        names = self.positional
        if self.document and args and isinstance(args[0], Mapping | msgspec.Struct):
            names = [self.document.name]
        if len(args) > len(names):
            raise TypeError(f"{self.name}() takes by position only {', '.join(names) or 'nothing'}")
        given = dict(zip(names, args, strict=False))
        for name in named:
            if name not in self.members:
                raise TypeError(self._unknown(name))
            if name in given:
                raise TypeError(f"{self.name}() is given {name!r} twice, by position and by name")
        return {**given, **named}

    def _unknown(self, name: str) -> str:
        close = get_close_matches(name, self.members, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"its parameters are {', '.join(self.members)}"
        return f"{self.name}() has no parameter {name!r}: {hint}"

    def _check_complete(self, given: Mapping[str, Any], params: Mapping[str, Any]) -> None:
        if self.document and given.get(self.document.name) is not None:
            inner = [name for name in given if self.members[name].is_of_document]
            if inner:
                raise TypeError(f"{self.name}() takes either {self.document.name!r} or its members {inner}")
            return
        for name in self.required:
            if given.get(name) is None and self.members[name].wire not in params:
                self._refuse_without(name, self._own.get(self.members[name].wire))

    def _refuse_without(self, name: str, variable: str | None) -> None:
        if variable is None:
            raise TypeError(f"{self.name}() needs {name!r}")
        if not os.environ.get(variable):
            where = f"call this inside a job, which has it in ${variable}"
            raise errors.InvalidParams(f"{self.name}() needs {name!r}: name it, or {where}.")

    @property
    def signature(self) -> Signature:
        """The signature of the call, for `help`."""
        by_position = [
            Parameter(
                name,
                Parameter.POSITIONAL_OR_KEYWORD,
                default=Parameter.empty if self.must_be_given(name) else None,
            )
            for name in self.positional
        ]
        return Signature(
            [*by_position, *(Parameter(name, Parameter.KEYWORD_ONLY, default=None) for name in self.keywords)]
        )

    def must_be_given(self, name: str) -> bool:
        """Return whether a parameter must be given: neither a document nor a job's environment has it."""
        return not self.document and name in self.required and self.members[name].wire not in self._own

    @property
    def keywords(self) -> list[str]:
        """The keyword-only parameters; those that every method has are last."""
        named = [name for name in self.members if name not in self.positional]
        return sorted(named, key=lambda name: name in Mutation.__struct_fields__)

    @property
    def doc(self) -> str:
        """The docstring: the declaration's description, the parameters and the errors."""
        said = (sentences(self.document.type) if self.document else {}) | sentences(self.method.params)
        listed = "\n".join(f"    {name}: {said.get(name, '')}" for name in [*self.positional, *self.keywords])
        raised = ", ".join(_CLASSES[kind] for kind in self.method.errors if kind in self.method.refuses)
        text = self.summary + summary(self.method.params).removeprefix(self.method.summary)
        return cleandoc(f"{text}\n\nParameters:\n{listed}" + (f"\n\nRaises {raised}." if raised else ""))


call_of = cache(Call)
"""Returns the call of a method, or of its other use; cached."""


class Group:
    """The methods of one group, such as `job` or `config`, bound to the function that performs requests."""

    def __init__(self, uses: Mapping[str, tuple[Any, ...]], perform: Callable[[Request[Any]], Any]) -> None:
        self._uses = uses
        self._perform = perform

    def __getattr__(self, word: str) -> Any:
        """Create the function of a method on first use."""
        if word.startswith("_") or word not in self._uses:
            raise AttributeError(f"There is no method {word!r} here; there are {', '.join(dir(self))}")
        function = function_of(call_of(*self._uses[word]), self._perform)
        setattr(self, word, function)
        return function

    def __dir__(self) -> list[str]:
        return sorted(self._uses)


def function_of(call: Call, perform: Callable[[Request[Any]], Any]) -> Callable[..., Any]:
    """Return the function that creates a call's request from its arguments and performs it."""

    def send(*args: Any, **named: Any) -> Any:
        return perform(call.request(args, named))

    send.__name__ = call.name.partition(".")[2].replace(".", "_")
    send.__qualname__ = call.name
    send.__doc__ = call.doc
    send.__signature__ = call.signature  # type: ignore[attr-defined]
    return send


def groups_of(methods: Mapping[str, Method]) -> dict[str, dict[str, tuple[Any, ...]]]:
    """Return the methods that the library offers, by group and name."""
    groups: dict[str, dict[str, tuple[Any, ...]]] = {}
    for method in methods.values():
        if method.of_connection:
            continue
        for name, use in _names(method):
            group, _, word = name.partition(".")
            groups.setdefault(group, {})[word.replace(".", "_")] = use
    return groups


def _names(method: Method) -> Iterator[tuple[str, tuple[Any, ...]]]:
    yield snake(method.called), (method,)
    if method.other:
        yield method.other.called, (method, method.other)


def _pairs(value: Any, kind: Any) -> Any:
    """Convert a mapping to a list of names and values, if the type is such a list."""
    entry = entry_of(kind)
    if isinstance(value, Mapping) and entry is not None and is_pair(entry):
        return [{"name": name, "value": one} for name, one in value.items()]
    return value


def is_pair(kind: type[msgspec.Struct]) -> bool:
    """Return whether a type has exactly a name and a value."""
    return kind.__struct_fields__ == ("name", "value")


def entry_of(kind: Any) -> type[msgspec.Struct] | None:
    """Return the type of the objects in a list type; None for other types."""
    origin, parts = get_origin(kind), get_args(kind)
    if origin in (Annotated, Union, UnionType):
        return entry_of(parts[0])
    return parts[0] if origin is list and _is_document(parts[0]) else None


def _has_null(field: msgspec.structs.FieldInfo) -> bool:
    return not field.required and field.default is not None and NoneType in get_args(field.type)


def _is_document(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)
