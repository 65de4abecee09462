"""The kinds of errors of the wire and the object that carries them.

Their codes are those of the client's exception classes.
"""

from enum import StrEnum
from typing import Any, Final

from msgspec import UNSET, Struct, UnsetType

from lockside.errors import CLASSES


class ErrorKind(StrEnum):
    """The kind of an error, as in `data.kind`: programs decide by it, people read the message."""

    PARSE_ERROR = "parse_error"
    INVALID_REQUEST = "invalid_request"
    METHOD_NOT_FOUND = "method_not_found"
    INVALID = "invalid"
    INTERNAL = "internal"
    NOT_FOUND = "not_found"
    CONFLICT = "conflict"
    INVALID_TRANSITION = "invalid_transition"
    FORBIDDEN = "forbidden"
    DISABLED = "disabled"
    UNAVAILABLE = "unavailable"
    LIMIT = "limit"
    TIMEOUT = "timeout"
    FAILED = "failed"


_CODES = {one.kind: one.code for one in CLASSES.values() if one.code}
CODES: Final[dict[ErrorKind, int]] = {kind: _CODES[kind] for kind in ErrorKind}
KINDS: Final[dict[int, ErrorKind]] = {code: kind for kind, code in CODES.items()}


class ErrorObject(Struct, frozen=True, kw_only=True):
    """The `error` member of a response. `data` always has `kind`, and `path` if a field is wrong."""

    code: int
    message: str
    data: dict[str, Any] | UnsetType = UNSET

    @property
    def kind(self) -> ErrorKind:
        """The kind; derived from the code if a foreign server sent no `data`, else `internal`."""
        data = {} if isinstance(self.data, UnsetType) else self.data
        try:
            return ErrorKind(data["kind"])
        except (KeyError, ValueError):
            return KINDS.get(self.code, ErrorKind.INTERNAL)


def error(kind: ErrorKind, message: str, /, *, path: str | None = None, **details: Any) -> ErrorObject:
    """Create an error; `path` names the wrong field, as in `$.retry.maxAttempts`."""
    data: dict[str, Any] = {"kind": kind.value}
    if path is not None:
        data["path"] = path
    return ErrorObject(code=CODES[kind], message=message, data=details | data)
