"""The method that checks whether a system can be used."""

from lockside.documents.base import Out, SystemId
from lockside.protocol.declaration import Params, method
from lockside.protocol.errors import ErrorKind
from lockside.protocol.words import Role


class SystemChecked(Out, frozen=True, kw_only=True):
    """A system that can be used.

    Attributes:
        entries: The number of files and folders in its root; null if they cannot be listed.
        is_writable: Whether a file was written there and removed.
    """

    id: str
    entries: int | None = None
    is_writable: bool


@method(
    "system.check",
    Role.OPERATOR,
    answers=SystemChecked,
    refuses=[ErrorKind.NOT_FOUND, ErrorKind.FORBIDDEN, ErrorKind.TIMEOUT],
    is_repeatable=False,
    example={"id": "archive"},
)
class SystemCheck(Params, frozen=True, kw_only=True):
    """List the root of a system and, if it is writable, write a file there and remove it.

    A process of the caller does this, within 30 seconds.

    Attributes:
        id: The system's id.
    """

    id: SystemId
