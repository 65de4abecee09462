"""Connects to a host at an address that was checked: the checked address is the one connected to."""

import ipaddress
import socket
from typing import Any, Protocol

from locksided.notifications.addresses import Address, Target


class Blocked(Exception):
    """None of the addresses of the host may be connected to."""


class MayConnect(Protocol):
    """The rule that addresses are checked against."""

    @property
    def rule(self) -> str:
        """The name of the rule, for error messages."""

    def may_connect(self, target: Target, address: Address) -> bool:
        """Return whether a connection to that address of the target is allowed."""


def connected(target: Target, allowed: MayConnect, timeout_seconds: float) -> socket.socket:
    """Connect to the first allowed address that answers. Raises Blocked, OSError."""
    may = judged(target, allowed)
    last: OSError | None = None
    for family, address in may:
        connecting = socket.socket(family, socket.SOCK_STREAM)
        connecting.settimeout(timeout_seconds / len(may))
        try:
            connecting.connect(address)
        except OSError as problem:
            connecting.close()
            last = problem
        else:
            connecting.settimeout(timeout_seconds)
            return connecting
    raise last or OSError("it has no address")


def judged(target: Target, allowed: MayConnect) -> list[tuple[int, Any]]:
    """Return the family and address of each allowed socket address. Raises Blocked, OSError."""
    found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    may: list[tuple[int, Any]] = [
        (one[0], one[4]) for one in found if allowed.may_connect(target, address_of(one[4]))
    ]
    if not may:
        shown = ", ".join(sorted({str(one[4][0]) for one in found}))
        raise Blocked(f"{target.scheme} to {shown} is not in {allowed.rule}")
    return may


def address_of(place: tuple[object, ...]) -> Address:
    """Return the IP address of a socket address from `getaddrinfo`, without its zone."""
    return ipaddress.ip_address(str(place[0]).partition("%")[0])
