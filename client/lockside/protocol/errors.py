"""The error codes of the wire and the object that carries them.

The codes live here and nowhere else. Who raises what is decided by the daemon and the client.
"""

from enum import StrEnum
from typing import Any, Final

from msgspec import UNSET, Struct, UnsetType

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
INTERNAL_ERROR: Final = -32603


class ErrorKind(StrEnum):
    """What went wrong, as `data.kind` says it: programs decide by this word, people read the message."""

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


CODES: Final[dict[ErrorKind, int]] = {
    ErrorKind.PARSE_ERROR: PARSE_ERROR,
    ErrorKind.INVALID_REQUEST: INVALID_REQUEST,
    ErrorKind.METHOD_NOT_FOUND: METHOD_NOT_FOUND,
    ErrorKind.INVALID: INVALID_PARAMS,
    ErrorKind.INTERNAL: INTERNAL_ERROR,
    ErrorKind.NOT_FOUND: -32001,
    ErrorKind.CONFLICT: -32002,
    ErrorKind.INVALID_TRANSITION: -32003,
    ErrorKind.FORBIDDEN: -32004,
    ErrorKind.DISABLED: -32005,
    ErrorKind.UNAVAILABLE: -32006,
    ErrorKind.LIMIT: -32007,
    ErrorKind.TIMEOUT: -32008,
    ErrorKind.FAILED: -32009,
}

KINDS: Final[dict[int, ErrorKind]] = {code: kind for kind, code in CODES.items()}


class ErrorObject(Struct, frozen=True, kw_only=True):
    """The `error` member of an answer. `data` always has `kind`, and `path` where a field is to blame."""

    code: int
    message: str
    data: dict[str, Any] | UnsetType = UNSET

    @property
    def kind(self) -> ErrorKind:
        """The word for programs; from the code when a foreign server sent no `data`, else `internal`."""
        data = {} if isinstance(self.data, UnsetType) else self.data
        try:
            return ErrorKind(data["kind"])
        except (KeyError, ValueError):
            return KINDS.get(self.code, ErrorKind.INTERNAL)


def error(kind: ErrorKind, message: str, /, *, path: str | None = None, **details: Any) -> ErrorObject:
    """An error of that kind; `path` points at the offending field as in `$.retry.maxAttempts`."""
    data: dict[str, Any] = {"kind": kind.value}
    if path is not None:
        data["path"] = path
    return ErrorObject(code=CODES[kind], message=message, data=details | data)
