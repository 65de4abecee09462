"""The parameters of `daemon.*`."""

from typing import Annotated

from msgspec import Meta

from lockside.protocol.params.base import Mutating, Params


class DaemonRead(Params, frozen=True, kw_only=True):
    """Parameters of methods that ask the daemon about itself."""


class DaemonCheck(Params, frozen=True, kw_only=True):
    """Parameters of `daemon.check`: with `fix` repairs are done.

    Attributes:
        fix: Do the repairs that lose no accepted job.
    """

    fix: bool = False


class DaemonAction(Mutating, frozen=True, kw_only=True):
    """Parameters of methods that act on the daemon itself."""


class DaemonBackup(Mutating, frozen=True, kw_only=True):
    """Parameters of `daemon.backup`: into the state folder's `backups` unless an absolute path is given.

    Attributes:
        path: The absolute path of the file to write; null means a new file in the state folder's `backups`.
    """

    path: Annotated[str, Meta(max_length=4096, pattern=r"^/[^\x00]*$")] | None = None
