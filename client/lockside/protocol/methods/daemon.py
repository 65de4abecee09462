"""The methods of the daemon itself."""

from typing import Annotated, Any

from msgspec import Meta

from lockside.documents.base import PATH_PATTERN
from lockside.protocol.declaration import Mutation, Params, method
from lockside.protocol.types.daemon import Backup, CheckReport, DaemonStatus, Health, Reloaded
from lockside.protocol.words import Role


@method("daemon.status", Role.VIEWER, answers=DaemonStatus)
class DaemonStatusGet(Params, frozen=True, kw_only=True):
    """Return the state of the daemon."""


@method("daemon.health", Role.NONE, answers=Health)
class DaemonHealth(Params, frozen=True, kw_only=True):
    """Return whether jobs can be accepted and started: the store is writable and an executor is up.

    No right is needed. A write to the store is tried at most every two seconds.
    """


@method("daemon.drain", Role.ADMIN, answers=DaemonStatus)
class DaemonDrain(Mutation, frozen=True, kw_only=True):
    """Start no more jobs."""


@method("daemon.undrain", Role.ADMIN, answers=DaemonStatus)
class DaemonUndrain(Mutation, frozen=True, kw_only=True):
    """Start jobs again."""


@method("daemon.reload", Role.ADMIN, answers=Reloaded)
class DaemonReload(Mutation, frozen=True, kw_only=True):
    """Read the settings again."""


@method("daemon.check", Role.ADMIN, answers=CheckReport)
class DaemonCheck(Params, frozen=True, kw_only=True):
    """Compare the stored jobs with the running processes; propose repairs or make them.

    Attributes:
        fix: Make the repairs that lose no accepted job.
    """

    fix: bool = False


@method("daemon.backup", Role.ADMIN, answers=Backup, positional=["path"])
class DaemonBackup(Mutation, frozen=True, kw_only=True):
    """Write a backup of the database.

    It is a new file in `backups` in the state folder unless an absolute path is given.

    Attributes:
        path: The absolute path of the file to write; null means a new file in the state folder's `backups`.
    """

    path: Annotated[str, Meta(max_length=4096, pattern=PATH_PATTERN)] | None = None


@method("daemon.metrics", Role.VIEWER, answers=str)
class DaemonMetrics(Params, frozen=True, kw_only=True):
    """Return metrics in the Prometheus text format."""


@method("rpc.discover", Role.VIEWER, answers=dict[str, Any], called="daemon.discover")
class RpcDiscover(Params, frozen=True, kw_only=True):
    """Return the OpenRPC document of all methods."""
