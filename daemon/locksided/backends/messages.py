"""Reads the messages of keepers of any release: all messages are checked here, and nowhere else.

Unknown fields are ignored: a newer keeper may send more. A job's influence on a message must not affect
others, so an unreadable outcome is passed on as an outcome that says so in `unreadable`. No I/O.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache, reduce
from operator import or_
from types import UnionType
from typing import (
    Annotated,
    Any,
    Final,
    NamedTuple,
    TypeAlias,
    TypeVar,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

import msgspec
import structlog

from locksided.backends.raw_json import NotWhole, items, members
from locksided.keeper import build, wire
from locksided.keeper.messages import (
    OPERATIONS,
    Down,
    Ended,
    Hello,
    KeptRun,
    Leftovers,
    Listed,
    LogGrown,
    Outcome,
    Progress,
    Range,
    Refused,
    Remote,
    Started,
    wire_name,
)
from locksided.keeper.strictjson import is_deeper

VERSION = wire.VERSION
BUILD = build.fingerprint()
"""Of the keeper installed when this daemon started."""
MAX_DEPTH: Final = 128
STATES: Final = frozenset(("starting", "running", "stopping", "ended"))

log = structlog.get_logger("keeper")
T = TypeVar("T")


class Other(NamedTuple):
    """Any other message, about a run or not."""

    op: str
    token: str | None = None


Message: TypeAlias = (
    Started | Refused | Ended | Progress | LogGrown | Leftovers | Remote | Down | Listed | Other
)


def read_hello(line: bytes) -> Hello:
    """Parse the hello on a line. A fault in one run affects only that run. Raises ValueError."""
    with suppress(ValueError):
        hello = converted(Hello, _decoded(line))
        if all(map(_is_sound, hello.runs)):
            return hello
    parts = members(line)
    runs = [run for raw in items(parts.pop("runs", b"")) if (run := _read_run(raw)) is not None]
    return converted(Hello, {**_readable(Hello, parts), "runs": []})._replace(runs=tuple(runs))


def read_message(line: bytes) -> Message:
    """Parse any other message. An unreadable message about the end of a run becomes an `Ended` that says so.

    Raises ValueError for any other unreadable line.
    """
    try:
        return read_whole(line)
    except ValueError as problem:
        parts = members(line)
        said = _readable(Other, parts)
        token = said.get("token")
        if said.get("op") not in ("ended", "refused") or token is None:
            raise
        return Ended(token, _unreadable(parts.get("outcome"), token, problem))


def read_outcome(record: bytes) -> Outcome | None:
    """Return the outcome recorded by a keeper; None for a record that is incomplete."""
    try:
        return cast("Outcome", _made(_decoded(record, _struct_of(Outcome))))
    except ValueError as problem:
        with suppress(NotWhole):
            members(record)
            return _unreadable(record, None, problem)
        return None


def read_whole(line: bytes) -> Message:
    """Parse any other message that is completely readable. Raises ValueError.

    A message with an unknown operation, or that does not fit its operation, is parsed again as `Other`.
    """
    try:
        return cast("Message", _made(_of_a_known_kind()(_shallow(line))))
    except msgspec.ValidationError:
        other = _decoded(line, _struct_of(Other))
        if other.op in _KINDS:
            raise
        return cast("Message", _made(other))


_KINDS: Final[dict[str, type[Any]]] = {
    name: kind for name, kind in OPERATIONS.items() if kind in get_args(Message)
}


@cache
def _of_a_known_kind() -> Callable[[bytes], Any]:
    """Return a decoder for all known messages, distinguished by their `op`."""
    structs = []
    for op, kind in _KINDS.items():
        base = _struct_of(cast("Any", kind))
        struct = msgspec.defstruct(kind.__name__, [], bases=(base,), tag_field="op", tag=op)
        _MADE_FROM[struct] = _MADE_FROM[base]
        structs.append(struct)
    return msgspec.json.Decoder(reduce(or_, structs)).decode


def converted(kind: Callable[..., T], value: Any) -> T:
    """Convert a JSON value to one of the types of `keeper.messages`. Raises ValueError."""
    made: T = _made(msgspec.convert(value, _struct_of(kind)))
    return made


def _made(value: Any) -> Any:
    """Convert a struct, and those in its members, to named tuples."""
    if type(value) is tuple:
        return tuple(map(_made, value))
    found = _MADE_FROM.get(type(value))
    if found is None:
        return value
    kind, composed = found
    values = [*msgspec.structs.astuple(value)]
    for place in composed:
        if values[place]:
            values[place] = _made(values[place])
    return kind._make(values)


_MADE_FROM: Final[dict[type[Any], tuple[Any, Sequence[int]]]] = {}
"""The named tuple of each struct, and the indexes of the members that may contain structs."""


@cache
def _struct_of(kind: Any) -> type[msgspec.Struct]:
    """Return the struct by which msgspec reads a named tuple, with the names and limits of the wire."""
    hints, defaults = get_type_hints(kind, include_extras=True), kind._field_defaults
    fields = [
        (name, _checked(hint), defaults[name]) if name in defaults else (name, _checked(hint))
        for name, hint in hints.items()
    ]
    struct = msgspec.defstruct(kind.__name__, fields, rename=wire_name)
    composed = [place for place, hint in enumerate(hints.values()) if _is_composed(hint)]
    _MADE_FROM[struct] = kind, composed
    return struct


def _is_composed(hint: Any) -> bool:
    """Return whether a member may contain a struct."""
    return get_origin(hint) is not Annotated and (
        hasattr(hint, "_fields") or any(map(_is_composed, get_args(hint)))
    )


def _checked(hint: Any) -> Any:
    if hasattr(hint, "_fields"):
        return _struct_of(hint)
    origin, args = get_origin(hint), get_args(hint)
    if origin is Annotated:
        limits: Range = args[1]
        return Annotated[args[0], msgspec.Meta(ge=limits.least, le=limits.most)]
    if origin is UnionType or origin is Union:
        return reduce(or_, map(_checked, args))
    if origin is tuple:
        return origin[_checked(args[0]), ...]
    return hint


def _is_sound(run: KeptRun) -> bool:
    return run.state in STATES and (run.state != "ended" or run.outcome is not None)


def _read_run(raw: bytes) -> KeptRun | None:
    """Return one run of a hello; None, logged, if not even its token is readable."""
    try:
        parts = members(raw)
        known = _readable(KeptRun, parts)
        token = known["token"]
    except (NotWhole, KeyError) as problem:
        log.error("the keeper told of a run that cannot be read", cause=str(problem), run=raw[:200])
        return None
    outcome = parts.get("outcome", b"null")
    run = converted(KeptRun, {"state": "", **known})
    if run.state not in STATES:
        run = run._replace(state="running" if outcome == b"null" else "ended")
    if _is_sound(run) and (run.outcome is not None or outcome == b"null"):
        return run
    return KeptRun(token, "ended", outcome=_unreadable(outcome, token, _problem_of(outcome)))


def _problem_of(outcome: bytes) -> ValueError:
    """Return why an outcome is unusable."""
    try:
        converted(Outcome, _decoded(outcome))
    except ValueError as problem:
        return problem
    raise AssertionError("it can be used")


def _unreadable(raw: bytes | None, token: str | None, problem: ValueError) -> Outcome:
    """Return an outcome with its readable parts, and why the rest is missing."""
    known: dict[str, Any] = {}
    with suppress(NotWhole):
        known = _readable(Outcome, members(raw or b"{}"))
    return converted(Outcome, {"token": token, **known, "unreadable": str(problem)})


def _readable(kind: Any, parts: Mapping[str, bytes]) -> dict[str, Any]:
    """Return the members that have valid values for that kind of object."""
    found = {}
    for field in msgspec.structs.fields(_struct_of(kind)):
        with suppress(ValueError, KeyError):
            value = _decoded(parts[field.encode_name])
            msgspec.convert(value, field.type)
            found[field.encode_name] = value
    return found


def _decoded(text: bytes, kind: Any = Any) -> Any:
    """Decode a text. Raises ValueError."""
    return msgspec.json.decode(_shallow(text), type=kind)


def _shallow(text: bytes) -> bytes:
    """Return a text that is not nested too deep. Raises ValueError."""
    if is_deeper(text, MAX_DEPTH):
        raise ValueError(f"it is nested deeper than {MAX_DEPTH} levels")
    return text
