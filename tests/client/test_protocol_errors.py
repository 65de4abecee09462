"""Codes and kinds belong together one to one, and the light modules stay light."""

import subprocess
import sys

from lockside.protocol.errors import CODES, KINDS, ErrorKind, ErrorObject, error


def test_every_kind_has_a_code_of_its_own() -> None:
    assert set(CODES) == set(ErrorKind)
    assert {KINDS[CODES[kind]] for kind in ErrorKind} == set(ErrorKind)


def test_the_kinds_of_the_daemon_have_the_codes_that_are_promised() -> None:
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


def test_details_never_hide_the_kind_or_the_path() -> None:
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
