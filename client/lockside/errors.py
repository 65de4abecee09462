"""The errors of calls to the daemon, one class per kind. The message says what happened, `remedy` what to do
next. A failure of a job is not an exception: it is in the job's `result.error`.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


class LocksideError(Exception):
    """The daemon refused a call, or could not be reached.

    `code` is the JSON-RPC code (0 when no daemon answered), `kind` the stable word for programs, `data` the
    details.
    """

    code = 0
    kind = "error"
    remedy = ""

    def __init__(self, message: str, *, data: Mapping[str, Any] | None = None, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.data: dict[str, Any] = dict(data or {})
        if remedy:
            self.remedy = remedy

    @property
    def path(self) -> str | None:
        """The path of the wrong field, as in `$.retry.maxAttempts`, or None."""
        path = self.data.get("path")
        return path if isinstance(path, str) else None


class NotReachable(LocksideError):
    """No daemon answers on the socket."""

    kind = "not_reachable"
    remedy = (
        "Start one with `lockside start` (the service: `systemctl start lockside`), "
        "or name its socket with --socket PATH or $LOCKSIDE_SOCKET."
    )


class ConnectionLost(NotReachable):
    """The daemon went away during a call; jobs continue without it."""

    kind = "connection_lost"
    remedy = "The jobs go on. Ask again when the daemon is back: `lockside status`."


class NotUnderstood(LocksideError):
    """This client does not know the daemon's answer: the daemon is older or newer."""

    kind = "not_understood"
    remedy = "Compare the versions with `lockside status` and `lockside --version`."


class ParseFailed(LocksideError):
    """The request is not JSON."""

    code = -32700
    kind = "parse_error"


class InvalidRequest(LocksideError):
    """The request is JSON, but not a JSON-RPC request."""

    code = -32600
    kind = "invalid_request"


class UnknownMethod(LocksideError):
    """The daemon has no such method: it is older or newer than this client."""

    code = -32601
    kind = "method_not_found"
    remedy = "Compare the versions with `lockside status` and `lockside --version`."


class InvalidParams(LocksideError):
    """A field is missing, unknown, of the wrong type or out of bounds; `path` names it."""

    code = -32602
    kind = "invalid"


class InternalError(LocksideError):
    """An internal error of the daemon; its log has the details."""

    code = -32603
    kind = "internal"
    remedy = "See the daemon's log (`journalctl -u lockside`); `lockside doctor` checks its state."


class NotFound(LocksideError):
    """There is no such object."""

    code = -32001
    kind = "not_found"


class Conflict(LocksideError):
    """It contradicts what is stored or what runs."""

    code = -32002
    kind = "conflict"


class InvalidTransition(LocksideError):
    """The job's status does not allow the action."""

    code = -32003
    kind = "invalid_transition"
    remedy = "`lockside show JOB` shows the job's status and what can be done with it."


class Forbidden(LocksideError):
    """The caller's role or ownership does not allow it."""

    code = -32004
    kind = "forbidden"
    remedy = "Roles come from Unix groups: see [access] in lockside.toml, or ask an admin."


class Disabled(LocksideError):
    """The configuration is disabled."""

    code = -32005
    kind = "disabled"
    remedy = "`--mode forceRun` runs it anyway."


class Unavailable(LocksideError):
    """The daemon cannot do it now: it is stopping, or its store cannot be written."""

    code = -32006
    kind = "unavailable"
    remedy = "Try again in a moment; `lockside doctor` says what is wrong if it lasts."


class LimitExceeded(LocksideError):
    """A limit of size or number is exceeded."""

    code = -32007
    kind = "limit"


class TimedOut(LocksideError):
    """It took too long."""

    code = -32008
    kind = "timeout"


class ComponentFailed(LocksideError):
    """The component failed, or its answer was invalid."""

    code = -32009
    kind = "failed"


CLASSES: dict[str, type[LocksideError]] = {
    name: cls
    for name, cls in list(globals().items())
    if isinstance(cls, type) and issubclass(cls, LocksideError)
}
_BY_CODE = {cls.code: cls for cls in CLASSES.values() if cls.code}


def from_wire(error: Mapping[str, Any]) -> LocksideError:
    """Convert the `error` of an answer to the exception of its kind."""
    code = int(error.get("code", -32603))
    data = error.get("data")
    made = _BY_CODE.get(code, LocksideError)(
        str(error.get("message", "The daemon gave no message.")),
        data=data if isinstance(data, dict) else None,
    )
    made.code = code
    return made
