"""The hosts and addresses from which files may be fetched."""

from collections.abc import Sequence
from dataclasses import dataclass

from locksided.notifications.addresses import Address, Allowed, Target, is_public, plain

RULE = "what [staging] allows"


@dataclass(frozen=True, slots=True)
class Networks:
    """The settings: `deny` overrides `allow`, which overrides `is_public_only`."""

    is_public_only: bool
    allow: Allowed
    deny: Allowed
    rule: str = RULE

    @classmethod
    def of(cls, networks: str, allow_hosts: Sequence[str], deny_hosts: Sequence[str]) -> "Networks":
        """Return the networks named by the settings."""
        return cls(networks == "public", Allowed(allow_hosts), Allowed(deny_hosts))

    def may_connect(self, target: Target, address: Address) -> bool:
        """Return whether a connection to that address is allowed."""
        inner = plain(address)
        if any(one.is_link_local or one.is_multicast or one.is_unspecified for one in (address, inner)):
            return False
        if self.deny.names(target, address):
            return False
        return not self.is_public_only or self.allow.names(target, address) or is_public(address)
