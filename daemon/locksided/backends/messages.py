"""Reads what a keeper says, of whatever release: every message is checked here, and nowhere else.

Fields that are not known here are passed over: a newer keeper may say more. What a job can put into a message
must not cost others anything, so an outcome that cannot be read is handed on as one that says so, in
`unreadable`. No I/O.
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
"""Of the keeper that is installed, when this daemon started."""
MAX_DEPTH: Final = 128
STATES: Final = frozenset(("starting", "running", "stopping", "ended"))

log = structlog.get_logger("keeper")
T = TypeVar("T")


class Other(NamedTuple):
    """Whatever else it says, of a run or of none."""

    op: str
    token: str | None = None


Message: TypeAlias = (
    Started | Refused | Ended | Progress | LogGrown | Leftovers | Remote | Down | Listed | Other
)


def read_hello(line: bytes) -> Hello:
    """The hello on a line. What cannot be read of one run is that run's loss alone. Raises ValueError."""
    with suppress(ValueError):
        hello = converted(Hello, _decoded(line))
        if all(map(_is_sound, hello.runs)):
            return hello
    parts = members(line)
    runs = [run for raw in items(parts.pop("runs", b"")) if (run := _read_run(raw)) is not None]
    return converted(Hello, {**_readable(Hello, parts), "runs": []})._replace(runs=tuple(runs))


def read_message(line: bytes) -> Message:
    """Any other message. One that tells the end of a run and cannot be read becomes an `Ended` that says so.

    Raises ValueError for any other line that cannot be read.
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
    """The outcome that a keeper wrote down; None for a record that was not written to its end."""
    try:
        return cast("Outcome", _made(_decoded(record, _struct_of(Outcome))))
    except ValueError as problem:
        with suppress(NotWhole):
            members(record)
            return _unreadable(record, None, problem)
        return None


def read_whole(line: bytes) -> Message:
    """Any other message that can be read to its end. Raises ValueError.

    One whose operation is not known, and one that is not what it says, is read again for what it is.
    """
    try:
        return cast("Message", _made(_of_a_known_kind()(_shallow(line))))
    except msgspec.ValidationError:
        told = _decoded(line, _struct_of(Other))
        if told.op in _KINDS:
            raise
        return cast("Message", _made(told))


_KINDS: Final[dict[str, type[Any]]] = {
    name: kind for name, kind in OPERATIONS.items() if kind in get_args(Message)
}


@cache
def _of_a_known_kind() -> Callable[[bytes], Any]:
    """What reads all known messages, told apart by their `op`."""
    structs = []
    for op, kind in _KINDS.items():
        base = _struct_of(cast("Any", kind))
        struct = msgspec.defstruct(kind.__name__, [], bases=(base,), tag_field="op", tag=op)
        _MADE_FROM[struct] = _MADE_FROM[base]
        structs.append(struct)
    return msgspec.json.Decoder(reduce(or_, structs)).decode


def converted(kind: Callable[..., T], value: Any) -> T:
    """A value of JSON as one of the types of `keeper.messages`. Raises ValueError."""
    made: T = _made(msgspec.convert(value, _struct_of(kind)))
    return made


def _made(value: Any) -> Any:
    """The named tuple of a struct, also of those in its members."""
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
"""Of each struct its named tuple, and the places of the members that may have structs in them."""


@cache
def _struct_of(kind: Any) -> type[msgspec.Struct]:
    """What msgspec checks and reads in the place of a named tuple, with the names and limits of the wire."""
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
    """Whether there may be a struct in a member."""
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
    """One run of a hello; None, and logged, when not even its token can be read."""
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
    """Why an outcome cannot be used."""
    try:
        converted(Outcome, _decoded(outcome))
    except ValueError as problem:
        return problem
    raise AssertionError("it can be used")


def _unreadable(raw: bytes | None, token: str | None, problem: ValueError) -> Outcome:
    """An outcome with what can be read of it, and why that is not all."""
    known: dict[str, Any] = {}
    with suppress(NotWhole):
        known = _readable(Outcome, members(raw or b"{}"))
    return converted(Outcome, {"token": token, **known, "unreadable": str(problem)})


def _readable(kind: Any, parts: Mapping[str, bytes]) -> dict[str, Any]:
    """The members that are what that kind of object has under their names."""
    found = {}
    for field in msgspec.structs.fields(_struct_of(kind)):
        with suppress(ValueError, KeyError):
            value = _decoded(parts[field.encode_name])
            msgspec.convert(value, field.type)
            found[field.encode_name] = value
    return found


def _decoded(text: bytes, kind: Any = Any) -> Any:
    """Raises ValueError."""
    return msgspec.json.decode(_shallow(text), type=kind)


def _shallow(text: bytes) -> bytes:
    """A text that is not nested too deep. Raises ValueError."""
    if is_deeper(text, MAX_DEPTH):
        raise ValueError(f"it is nested deeper than {MAX_DEPTH} levels")
    return text
