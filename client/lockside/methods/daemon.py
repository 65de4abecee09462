"""The calls `daemon.*`."""

from __future__ import annotations

from typing import Any

from lockside.protocol.types import daemon as t
from lockside.requests import Group, Mode, Request, act, ask, call


class DaemonCalls(Group[Mode]):
    """`daemon.*` and `rpc.discover`"""

    @call
    def status(self) -> Request[t.DaemonStatus]:
        """Say how the daemon is."""
        return ask("daemon.status", t.DaemonStatus)

    @call
    def drain(self) -> Request[t.DaemonStatus]:
        """Start no more jobs."""
        return act("daemon.drain", t.DaemonStatus)

    @call
    def undrain(self) -> Request[t.DaemonStatus]:
        """Start jobs again."""
        return act("daemon.undrain", t.DaemonStatus)

    @call
    def reload(self) -> Request[t.Reloaded]:
        """Read the settings again."""
        return act("daemon.reload", t.Reloaded)

    @call
    def check(self, *, fix: bool = False) -> Request[t.CheckReport]:
        """Compare what is stored with what runs, and propose repairs, or do them."""
        return ask("daemon.check", t.CheckReport, **({"fix": True} if fix else {}))

    @call
    def backup(self, path: str | None = None) -> Request[t.Backup]:
        """Write a backup of the database, to an absolute path if one is given. Raises Conflict."""
        return act("daemon.backup", t.Backup, path=path)

    @call
    def metrics(self) -> Request[str]:
        """Give the metrics in the Prometheus text format."""
        return ask("daemon.metrics", str)

    @call
    def discover(self) -> Request[dict[str, Any]]:
        """Give the OpenRPC document."""
        return ask("rpc.discover", dict[str, Any])
