"""The addresses of the web server: an IP address and port, or a Unix socket whose mode is set before use."""

import ipaddress
import os
import socket
from contextlib import suppress
from dataclasses import dataclass

from lockside.documents.settings_files import SettingsError
from lockside.documents.web_settings import WebSettings

BACKLOG = 1024


@dataclass(frozen=True, slots=True)
class Address:
    """One address: `path` of a Unix socket, or `host` and `port`. Port 0 is any free port."""

    path: str = ""
    host: str = ""
    port: int = 0

    @classmethod
    def read(cls, text: str, setting: str) -> "Address":
        """Read `127.0.0.1:8765`, `[::1]:8765` or `/run/lockside/web.sock`. Raises SettingsError."""
        if text.startswith("/"):
            return cls(path=text)
        host, _, port = text.rpartition(":")
        host = host.removeprefix("[").removesuffix("]")
        try:
            number = int(port)
            ipaddress.ip_address(host)
            if not 0 <= number < 2**16:
                raise ValueError(port)
        except ValueError:
            raise SettingsError(
                f"settings: web.{setting}: {text!r} is neither an address with a port, as in 127.0.0.1:8765, "
                "nor the path of a socket"
            ) from None
        return cls(host=host, port=number)

    @property
    def is_private(self) -> bool:
        """Whether only this machine can connect to it."""
        return bool(self.path) or ipaddress.ip_address(self.host).is_loopback

    def check(self, settings: WebSettings, setting: str) -> None:
        """Raise SettingsError if other machines can connect but clients are not authenticated."""
        if not self.is_private and settings.auth != "token" and not settings.trust:
            raise SettingsError(
                f"settings: web.{setting}: {self.host} is reached from other machines: "
                'set `auth` to "token", or name the trusted proxies in `trust`'
            )

    def bound(self) -> socket.socket:
        """Return a listening socket; one with a path has mode 0600, or 0660 for its folder's group."""
        if not self.path:
            family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
            listening = socket.create_server((self.host, self.port), family=family, backlog=BACKLOG)
            # asyncio sets it only if the socket has a protocol; without it a part of an answer waits 40 ms.
            listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return listening
        with suppress(FileNotFoundError):
            os.unlink(self.path)
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        os.fchmod(listening.fileno(), 0o600)
        listening.bind(self.path)
        os.chmod(self.path, 0o660)  # the folder determines the group
        listening.listen(BACKLOG)
        return listening


def name_of(listening: socket.socket) -> str:
    """Return the address for clients: `127.0.0.1:8765`, or the path."""
    name = listening.getsockname()
    if isinstance(name, str):
        return name
    return f"[{name[0]}]:{name[1]}" if ":" in name[0] else f"{name[0]}:{name[1]}"


def hosts_of(listening: socket.socket, named: tuple[str, ...]) -> frozenset[str]:
    """Return the accepted values of `Host`: those of the settings, else the names of the address."""
    if named:
        return frozenset(host.lower() for host in named)
    name = listening.getsockname()
    if isinstance(name, str):
        return frozenset({"localhost"})
    port = f":{name[1]}"
    own = {name_of(listening)}
    if ipaddress.ip_address(name[0]).is_loopback:
        own |= {f"localhost{port}", f"127.0.0.1{port}", f"[::1]{port}"}
    return frozenset(own)
