"""Which addresses may be connected to: public ones, and those the settings allow.

It uses the standard library alone: couriers run without any other package.
"""

import ipaddress
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import urlsplit

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

SETTING = "[notifications] allow"
_SHARED = ipaddress.ip_network("100.64.0.0/10")
_NAT64 = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("64:ff9b:1::/48"))


@dataclass(frozen=True, slots=True)
class Target:
    """The destination of a URL. `host` is a name or an address without brackets."""

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> "Target":
        """Return the target of an http or https URL."""
        parts = urlsplit(url)
        default = 443 if parts.scheme == "https" else 80
        return cls(parts.scheme, (parts.hostname or "").rstrip("."), parts.port or default)


class Allowed:
    """The entries of the setting: networks, hosts, and hosts with a port."""

    rule = SETTING

    def __init__(self, entries: Iterable[str]) -> None:
        self._networks = []
        self._hosts = set()
        for entry in entries:
            try:
                self._networks.append(ipaddress.ip_network(entry.strip("[]"), strict=False))
            except ValueError:
                self._hosts.add(entry.lower())

    def has_host(self, target: Target) -> bool:
        """Return whether the host is listed, with or without its port."""
        host = f"[{target.host}]" if ":" in target.host else target.host
        return target.host.lower() in self._hosts or f"{host}:{target.port}".lower() in self._hosts

    def has_address(self, address: Address) -> bool:
        """Return whether the address is in a listed network."""
        return any(address in network for network in self._networks)

    def names(self, target: Target, address: Address) -> bool:
        """Return whether the host or the address is listed."""
        return self.has_host(target) or self.has_address(address) or self.has_address(plain(address))

    def may_connect(self, target: Target, address: Address) -> bool:
        """Return whether a connection to that address is allowed; http only to listed ones."""
        if self.names(target, address):
            return True
        return target.scheme == "https" and is_public(address)


def is_public(address: Address) -> bool:
    """Return whether an address denotes the same machine everywhere, however it is embedded."""
    inner = plain(address)
    if inner != address:
        return is_public(inner)
    is_odd = address.is_multicast or address.is_reserved or address.is_unspecified or address.is_link_local
    is_shared = isinstance(address, ipaddress.IPv4Address) and address in _SHARED
    return address.is_global and not is_odd and not is_shared


def plain(address: Address) -> Address:
    """Return the IPv4 address embedded in an IPv6 address, else the address itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    inner = address.ipv4_mapped or address.sixtofour
    if inner is None and any(address in network for network in _NAT64):
        inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return inner or address


def literal(host: str) -> Address | None:
    """Return the address of a numeric host, in any form that the C library reads; None for a name."""
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        pass
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host))
    except (OSError, ValueError):
        return None
