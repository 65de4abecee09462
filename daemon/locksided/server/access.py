"""Who a caller is and what role that gives; decided by what the kernel and the settings say, by nothing else.

Which job belongs to whom is not looked at here.
"""

import grp
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self

from lockside.protocol.words import Role

ROOT_UID = 0
LARGEST_GID = 2**32 - 2


@dataclass(frozen=True, slots=True)
class Principal:
    """The user at the other end of a connection, as the kernel reported at its connect."""

    uid: int
    gid: int
    user: str
    groups: tuple[int, ...]
    role: Role
    pid: int


@dataclass(frozen=True, slots=True)
class Access:
    """Which Unix groups have which role. Root and the daemon's own user are always admins."""

    own_uid: int
    admin_gids: frozenset[int] = field(default_factory=frozenset)
    operator_gids: frozenset[int] = field(default_factory=frozenset)
    viewer_gids: frozenset[int] = field(default_factory=frozenset)
    default_role: Role = Role.NONE

    @classmethod
    def from_names(
        cls,
        own_uid: int,
        *,
        admin: Iterable[str] = (),
        operator: Iterable[str] = (),
        viewer: Iterable[str] = (),
        default_role: str = "none",
    ) -> Self:
        """From group names or numbers, as settings write them; nobody is in a group that does not exist."""
        return cls(
            own_uid,
            _group_ids(admin),
            _group_ids(operator),
            _group_ids(viewer),
            Role[default_role.upper()],
        )

    def role_of(self, uid: int, gids: Iterable[int]) -> Role:
        """The highest role that the user or one of the groups has."""
        if uid in {ROOT_UID, self.own_uid}:
            return Role.ADMIN
        held = frozenset(gids)
        if held & self.admin_gids:
            return Role.ADMIN
        if held & self.operator_gids:
            return Role.OPERATOR
        if held & self.viewer_gids:
            return Role.VIEWER
        return self.default_role


def group_id(name: str) -> int | None:
    """The id of a group by its name or number; None when there is none. A number needs no name."""
    if name.isascii() and name.isdecimal():
        return int(name) if len(name) <= 10 and int(name) <= LARGEST_GID else None
    try:
        return grp.getgrnam(name).gr_gid
    except (KeyError, ValueError):  # ValueError of a NUL in the name
        return None


def _group_ids(names: Iterable[str]) -> frozenset[int]:
    return frozenset(gid for gid in map(group_id, names) if gid is not None)
