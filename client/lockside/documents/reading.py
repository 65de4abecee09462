"""Reads documents: strictly from callers, with all faults at once from files, leniently from the store."""

import copy
import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache, partial
from types import UnionType
from typing import Annotated, Any, NamedTuple, TypeVar, Union, cast, get_args, get_origin

import msgspec
from msgspec.structs import FieldInfo, fields

from lockside.documents.base import Document
from lockside.documents.fault_messages import explain
from lockside.documents.paths import Steps, join, split_problem, steps_of

T = TypeVar("T")

MOST_REPAIRS = 100
MOST_FAULTS = 100
MOST_KEYS_TRIED = 100
_ANY_KEY = "[...]"
_GOT_FLOAT = re.compile(r"Expected `int[^`]*`, got `float`")


class Fault(NamedTuple):
    """A fault in a field of a document, and what to do about it. `path` is as in `$.retry.on[2]`."""

    path: str
    message: str


# -- from callers -----------------------------------------------------------------------------------------


def convert(document: Any, kind: type[T], *, strict: bool = True) -> T:
    """Return the document as its type; 1.0 is accepted as a whole number. Raises msgspec.ValidationError.
    `strict` is msgspec's: without it, "1" is accepted as a number.
    """
    for _ in range(MOST_REPAIRS):
        try:
            return msgspec.convert(document, kind, strict=strict)
        except msgspec.ValidationError as problem:
            repaired = _with_whole_number(document, str(problem))
            if repaired is None:
                raise
            document = repaired
        except UnicodeEncodeError as problem:
            path = join("$", *(_path_of_text(document, problem.object) or ()))
            raise msgspec.ValidationError(f"Expected UTF-8 text - at `{path}`") from None
    return msgspec.convert(document, kind, strict=strict)


def _path_of_text(document: Any, text: str) -> Steps | None:
    """Return the path of a text, as a value or as a key; None if it is not there."""
    if document == text:
        return ()
    if isinstance(document, dict):
        members: Iterable[tuple[str | int, Any]] = document.items()
    else:
        members = enumerate(document) if isinstance(document, list) else ()
    for step, value in members:
        if step == text:
            return ()  # the object with the key: a path cannot name a key
        found = _path_of_text(value, text)
        if found is not None:
            return (step, *found)
    return None


def _with_whole_number(document: Any, problem: str) -> Any:
    """Return the document with the wrong number as an int; None if it is not whole."""
    message, path = split_problem(problem)
    if not _GOT_FLOAT.match(message):
        return None
    steps = steps_of(path)
    value = value_at(document, steps)
    if not isinstance(value, float) or not value.is_integer():
        return None
    return _replaced(document, steps, int(value))


def value_at(document: Any, steps: Steps) -> Any:
    """Return the value at a path, or None."""
    for step in steps:
        if not _has(document, step):
            return None
        document = document[step]
    return document


def _has(document: Any, step: str | int) -> bool:
    if isinstance(document, list):
        return isinstance(step, int) and step < len(document)
    return isinstance(document, dict) and step in document


def _replaced(document: Any, steps: Steps, value: Any) -> Any:
    if not steps:
        return value
    made = copy.copy(document)
    made[steps[0]] = _replaced(document[steps[0]], steps[1:], value)
    return made


def fault_of(problem: msgspec.ValidationError, document: Any, kind: Any) -> Fault:
    """Return the fault of a document that could not be read as that type, with its exact path."""
    message, path = explain(problem, kind)
    while _ANY_KEY in path:
        before, _, after = path.partition(_ANY_KEY)
        key = _key_at_fault(str(problem), document, kind, steps_of(before))
        if key is None:
            break
        path = join(before, key) + after
    return Fault(path, message)


def _key_at_fault(problem: str, document: Any, kind: Any, steps: Steps) -> str | None:
    """Return the key of the wrong value, which msgspec does not report."""
    outer = value_at(document, steps)
    for key in list(outer)[:MOST_KEYS_TRIED] if isinstance(outer, dict) else ():
        try:
            convert(_replaced(document, steps, {key: outer[key]}), kind)
        except msgspec.ValidationError as again:
            if str(again) == problem:
                return str(key)
    return None


# -- from files -------------------------------------------------------------------------------------------


def faults_of(document: Any, kind: type[msgspec.Struct], *, strict: bool = True) -> Iterator[Fault]:
    """Yield all faults of a document: each wrong member is removed to find the next one."""
    left, gaps = document, dict[Steps, list[int]]()
    told: set[Steps] = set()
    for _ in range(MOST_FAULTS):
        try:
            convert(left, kind, strict=strict)
        except msgspec.ValidationError as problem:
            found = fault_of(problem, left, kind)
            steps = steps_of(found.path)
            exact = _with_gaps(steps, gaps)
            is_emptied = exact in gaps and not value_at(left, steps)  # a list, of its wrong items
            if exact not in told and not is_emptied:
                yield Fault(join("$", *exact), found.message)
            left = copy.deepcopy(document) if left is document else left
            removed = _leave_out(left, steps, gaps)
            told |= {
                exact,
                removed,
            }  # what is removed because of a missing member is not missing itself
            if not removed:
                return
        else:
            return


def _leave_out(document: Any, steps: Steps, gaps: dict[Steps, list[int]]) -> Steps:
    """Remove the value at a path, or the nearest object around it, and return the path of what it removed."""
    while steps and not _has(value_at(document, steps[:-1]), steps[-1]):
        steps = steps[:-1]
    if not steps:
        return ()
    removed = _with_gaps(steps, gaps)
    if isinstance(removed[-1], int):
        gaps.setdefault(removed[:-1], []).append(removed[-1])
    del value_at(document, steps[:-1])[steps[-1]]
    return removed


def _with_gaps(steps: Steps, gaps: dict[Steps, list[int]]) -> Steps:
    """Return the steps as they were before items of lists were removed."""
    found: Steps = ()
    for step in steps:
        if isinstance(step, int):
            for gap in sorted(gaps.get(found, ())):
                step += gap <= step  # noqa: PLW2901 - one index further for every gap before it
        found = (*found, step)
    return found


# -- from the store ---------------------------------------------------------------------------------------


def from_store(document: Any, kind: type[T]) -> T:
    """Return a stored document as its type. What an old release stored is accepted even if invalid now."""
    stored: Any = kind
    return cast("T", msgspec.convert(document, stored_form(stored)))


@cache
def stored_form(kind: Any) -> Any:
    """Return the type without bounds and checks, for documents that passed those of an earlier release."""
    return msgspec.defstruct(
        f"Stored{kind.__name__}",
        [_stored_member(field) for field in fields(kind)],
        bases=(kind,),
        namespace={"is_stored": True, "reads": _lenient_reads(kind), "check": _accept},
        forbid_unknown_fields=False,
        frozen=True,
        kw_only=True,
    )


def _stored_member(member: FieldInfo) -> Any:
    known: dict[str, Any] = {"default": member.default, "default_factory": member.default_factory}
    options = {name: value for name, value in known.items() if value is not msgspec.NODEFAULT}
    return member.name, _unbounded(member.type), msgspec.field(name=member.encode_name, **options)


def _unbounded(kind: Any) -> Any:
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _unbounded(inner[0])
    if origin in (Union, UnionType):
        return Union[tuple(map(_unbounded, inner))]  # noqa: UP007 - the members are known only at run time
    if origin in (list, dict):
        return origin[tuple(map(_unbounded, inner))]
    return stored_form(kind) if isinstance(kind, type) and issubclass(kind, Document) else kind


def _lenient_reads(kind: type[Document]) -> dict[str, Callable[[Any], object]]:
    """Return the text forms of a type; a value that is no longer valid is replaced by the default."""
    defaults = {member.name: member.default for member in fields(kind)}
    return {name: partial(_read_or, read, defaults[name]) for name, read in kind.reads.items()}


def _read_or(read: Callable[[Any], object], default: object, value: Any) -> object:
    try:
        return read(value)
    except ValueError:
        return None if default is msgspec.NODEFAULT else default


def _accept(_document: Document) -> None:
    """Accept any stored document: it passed the checks when it was stored."""
