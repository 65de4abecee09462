"""Refusals: the caller's fault, with the remedy. A refusal changes nothing.

Any other exception is a fault of the daemon. The error codes of the wire are in the client's protocol
package: the server maps `kind` to them.
"""

from typing import Any, ClassVar


class Refused(Exception):
    """A request that was not carried out; the message says why and what to do next.

    `path` names the offending field, as in `$.retry.maxAttempts`; `data` has further details for programs.
    """

    kind: ClassVar[str] = "invalid"

    def __init__(self, message: str, *, path: str | None = None, **data: Any) -> None:
        super().__init__(message)
        self.message = message
        self.path = path
        self.data = data

    def as_data(self) -> dict[str, Any]:
        """Return the refusal in the form stored in ledgers."""
        return {"kind": self.kind, "message": self.message, "path": self.path}


class Invalid(Refused):
    """A field is missing, unknown, of the wrong type or out of bounds."""


class NotFound(Refused):
    """No object of that kind has that id."""

    kind = "not_found"


class Conflict(Refused):
    """The request contradicts what is stored or what runs."""

    kind = "conflict"


class InvalidTransition(Refused):
    """The job's status does not allow the action."""

    kind = "invalid_transition"


class Forbidden(Refused):
    """The caller's role or ownership does not allow it."""

    kind = "forbidden"


class Disabled(Refused):
    """The configuration is disabled; `forceRun` overrides that."""

    kind = "disabled"


class Unavailable(Refused):
    """The daemon cannot do it now: it is stopping, or the store cannot be written. Try again later."""

    kind = "unavailable"


class Limit(Refused):
    """A limit of size or number is exceeded."""

    kind = "limit"


class Timeout(Refused):
    """It took longer than allowed."""

    kind = "timeout"


class Failed(Refused):
    """The component that was called failed, or returned an invalid answer."""

    kind = "failed"
