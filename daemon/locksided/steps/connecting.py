"""A connection to a host under an address that was checked: what was judged is what is connected to."""

import ipaddress
import socket
from typing import Any, Protocol

from locksided.notifications.addresses import Address, Target


class Blocked(Exception):
    """None of the addresses of the host may be connected to."""


class MayConnect(Protocol):
    """Judges addresses."""

    @property
    def rule(self) -> str:
        """What forbids the others, for the message."""

    def may_connect(self, target: Target, address: Address) -> bool:
        """Whether a connection to that address of the target is allowed."""


def connected(target: Target, allowed: MayConnect, timeout_seconds: float) -> socket.socket:
    """Connects to the first address that may be and can be. Raises Blocked, OSError."""
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
    """The family and address of each place that may be connected to. Raises Blocked, OSError."""
    found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    may: list[tuple[int, Any]] = [
        (one[0], one[4]) for one in found if allowed.may_connect(target, address_of(one[4]))
    ]
    if not may:
        shown = ", ".join(sorted({str(one[4][0]) for one in found}))
        raise Blocked(f"{target.scheme} to {shown} is not in {allowed.rule}")
    return may


def address_of(place: tuple[object, ...]) -> Address:
    """The address of an entry of `getaddrinfo`, without its zone."""
    return ipaddress.ip_address(str(place[0]).partition("%")[0])
