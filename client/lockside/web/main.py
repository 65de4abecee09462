"""`lockside-web`: reads the settings, binds its addresses, and serves until it is stopped.

It keeps no state: it may be killed at any time, and any number may run.
"""

import argparse
import asyncio
import errno
import os
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from lockside.documents.base import Document
from lockside.documents.settings_files import Files, SettingsError, read_settings
from lockside.documents.web_settings import WebSettings
from lockside.web.addresses import Address, name_of

if TYPE_CHECKING:
    from lockside.web.http_server import Server

USAGE = 2
SYSTEM_FILE = Path("/etc/lockside/lockside.toml")
_NOT_INSTALLED = "lockside-web needs the extra `web`: pip install 'lockside[web]'"


class OnlyWeb(Document, frozen=True, kw_only=True, rename="lower"):
    """The section of the settings for the web server."""

    web: WebSettings = msgspec.field(default_factory=WebSettings)


def load(named: str | None, environment: Mapping[str, str]) -> WebSettings:
    """Read the settings from the named file, else the user's own, else the system's. Raises SettingsError."""
    home = environment.get("XDG_STATE_HOME") or str(Path("~/.local/state").expanduser())
    own = Path(home, "lockside", SYSTEM_FILE.name)
    usual = own if own.exists() else SYSTEM_FILE
    files = Files(Path(named) if named else usual, is_named=bool(named))
    return read_settings(files.present, environment, OnlyWeb, {}).web


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; return its exit code."""
    parser = argparse.ArgumentParser(
        prog="lockside-web", description="Serve metrics, health and Keboola's Queue API of a lockside daemon."
    )
    parser.add_argument("--config", metavar="FILE", help="the file with the settings, section [web]")
    parser.add_argument("--socket", metavar="PATH", help="the daemon's socket (default: as for lockside)")
    given = parser.parse_args(arguments)
    try:
        import uvicorn  # noqa: F401 - checks that it is installed
    except ModuleNotFoundError:
        print(_NOT_INSTALLED, file=sys.stderr)
        return USAGE
    try:
        asyncio.run(serve(load(given.config, os.environ), given.socket))
    except (SettingsError, OSError) as error:
        print(f"lockside-web: {error}", file=sys.stderr)
        return USAGE
    return 0


async def serve(settings: WebSettings, daemon: str | None) -> None:
    """Serve all enabled applications. Raises SettingsError."""
    from lockside.web.apps import main_app, queue_app
    from lockside.web.callers import Callers
    from lockside.web.http_server import server_of
    from lockside.web.sessions import Sessions

    servers: list[Server] = []
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _stop, servers)
    callers, sessions = Callers(daemon, settings.project), Sessions()
    listening = [_bound(settings, "listen")]
    servers.append(server_of(main_app(callers, sessions, settings, listening[0])))
    if settings.keboola:
        listening.append(_bound(settings, "keboola"))
        servers.append(server_of(queue_app(callers, settings, listening[1])))
    if settings.auth == "local" and listening[0].family != socket.AF_UNIX:
        _say(f"sign in at http://{name_of(listening[0])}/sign-in?token={sessions.invite()} within a minute")
    try:
        served = zip(servers, listening, strict=True)
        await asyncio.gather(*(server.serve([one]) for server, one in served))
    finally:
        await callers.close()


def _bound(settings: WebSettings, setting: str) -> socket.socket:
    address = Address.read(getattr(settings, setting), setting)
    address.check(settings, setting)
    try:
        listening = address.bound()
    except OSError as error:
        raise SettingsError(_unusable(getattr(settings, setting), setting, error)) from None
    _say(f"{setting} at {name_of(listening)}")
    return listening


def _unusable(address: str, setting: str, error: OSError) -> str:
    if error.errno != errno.EADDRINUSE:
        return f"web.{setting}: {address} cannot be used: {os.strerror(error.errno or 0)}"
    option = " or `lockside web --listen ADDRESS`" if setting == "listen" else ""
    return (
        f"{address} is in use by another program: name another address, in the setting web.{setting}{option}"
    )


def _say(text: str) -> None:
    print(f"lockside-web: {text}", file=sys.stderr, flush=True)


def _stop(servers: "list[Server]") -> None:
    for server in servers:
        server.should_exit = True


if __name__ == "__main__":
    sys.exit(main())
