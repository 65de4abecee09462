"""Codes and kinds correspond one to one, and the light modules stay light."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from msgspec import Meta, Struct

from lockside.documents.base import JobId, RunId
from lockside.documents.fault_messages import PATTERNS, WORDS
from lockside.protocol.errors import CODES, KINDS, ErrorKind, ErrorObject, error
from lockside.protocol.methods import TEST_METHODS
from lockside.web.main import OnlyWeb
from locksided.settings import Settings


def test_every_kind_has_its_own_code() -> None:
    assert set(CODES) == set(ErrorKind)
    assert {KINDS[CODES[kind]] for kind in ErrorKind} == set(ErrorKind)


def test_the_kinds_of_the_daemon_have_the_specified_codes() -> None:
    promised = [
        "not_found",
        "conflict",
        "invalid_transition",
        "forbidden",
        "disabled",
        "unavailable",
        "limit",
        "timeout",
        "failed",
    ]
    assert [CODES[ErrorKind(kind)] for kind in promised] == list(range(-32001, -32010, -1))


def test_details_never_replace_the_kind_or_the_path() -> None:
    made = error(ErrorKind.CONFLICT, "no", path="$.id", kind="other", holder="17")
    assert made.data == {"holder": "17", "kind": "conflict", "path": "$.id"}


def test_the_kind_of_a_foreign_error_comes_from_its_code() -> None:
    assert ErrorObject(code=-32601, message="no").kind is ErrorKind.METHOD_NOT_FOUND
    assert (
        ErrorObject(code=-1, message="no", data={"kind": "new in a later version"}).kind is ErrorKind.INTERNAL
    )


def test_frames_and_errors_are_imported_without_the_types() -> None:
    program = "import sys, lockside.protocol.frames, lockside.protocol.errors; print(*sys.modules, sep='\\n')"
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.split()
    assert {name for name in loaded if name.startswith("lockside.protocol.")} == {
        "lockside.protocol.frames",
        "lockside.protocol.errors",
    }


def test_every_method_that_takes_a_job_id_declares_not_found() -> None:
    naming = {name: one for name, one in TEST_METHODS.items() if names_jobs(one.params)}
    assert {"job.get", "job.list", "event.list"} <= naming.keys()
    assert [name for name, one in naming.items() if ErrorKind.NOT_FOUND not in one.errors] == []


def test_the_rule_of_every_pattern_is_expressed_in_words() -> None:
    told = {*PATTERNS, *(pattern for pattern in patterns() if WORDS.fullmatch(pattern))}
    assert "[" in "".join(patterns())
    assert patterns() - told == set()


def patterns() -> set[str]:
    """Return the patterns of all parameters and settings."""
    seen = set[type]()
    kinds = [*(one.params for one in TEST_METHODS.values()), Settings, OnlyWeb]
    found = (part for kind in kinds for part in parts(kind, seen))
    notes = (note for part in found if get_origin(part) is Annotated for note in part.__metadata__)
    return {note.pattern for note in notes if isinstance(note, Meta) and note.pattern}


def names_jobs(params: Any) -> bool:
    found = (part for part in parts(params, set()) if get_origin(part) is Annotated)
    return any(part in (JobId, RunId) for part in found)


def parts(hint: Any, seen: set[type]) -> Iterator[Any]:
    """Return a type and the types of everything in it."""
    yield hint
    if isinstance(hint, type) and issubclass(hint, Struct):
        inside = () if hint in seen else tuple(get_type_hints(hint, include_extras=True).values())
        seen.add(hint)
    else:
        inside = get_args(hint)
    for part in inside:
        yield from parts(part, seen)
