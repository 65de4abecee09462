"""The identity and role of a caller, decided only by the kernel's report and the settings.

Ownership of jobs is not considered here.
"""

import grp
import pwd
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self

from lockside.protocol.words import Role

ROOT_UID = 0
LARGEST_GID = 2**32 - 2


@dataclass(frozen=True, slots=True)
class Grant:
    """The rights of a token: at most a role, in a single project."""

    id: int
    role: Role
    project: str


@dataclass(frozen=True, slots=True)
class Principal:
    """The user at the other end of a connection, as reported by the kernel at connect time.

    Or the user that a delegate acts as: then `via` is the delegate. `pid` is always the peer's.
    """

    uid: int
    gid: int
    user: str
    groups: tuple[int, ...]
    role: Role
    pid: int
    via: str | None = None
    via_uid: int | None = None
    grant: Grant | None = None


@dataclass(frozen=True, slots=True)
class Access:
    """The roles of Unix groups. Root and the daemon's own user are always admins."""

    own_uid: int
    admin_gids: frozenset[int] = field(default_factory=frozenset)
    operator_gids: frozenset[int] = field(default_factory=frozenset)
    viewer_gids: frozenset[int] = field(default_factory=frozenset)
    default_role: Role = Role.NONE
    delegate_uids: frozenset[int] = field(default_factory=frozenset)
    delegate_role: Role = Role.OPERATOR

    @classmethod
    def from_names(
        cls,
        own_uid: int,
        *,
        admin: Iterable[str] = (),
        operator: Iterable[str] = (),
        viewer: Iterable[str] = (),
        default_role: str = "none",
        delegates: Iterable[str] = (),
        delegate_role: str = "operator",
    ) -> Self:
        """Create from names or numbers, as in settings; a group that does not exist has no members."""
        return cls(
            own_uid,
            _group_ids(admin),
            _group_ids(operator),
            _group_ids(viewer),
            Role[default_role.upper()],
            frozenset(uid for uid in map(user_id, delegates) if uid is not None),
            Role[delegate_role.upper()],
        )

    def role_of(self, uid: int, gids: Iterable[int]) -> Role:
        """Return the highest role of the user or one of the groups."""
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

    def role_now(self, who: Principal) -> Role:
        """Return the role of a user; for delegates and tokens limited to what these may have."""
        role = self.role_of(who.uid, who.groups)
        if who.via_uid is not None:
            role = min(role, self.delegate_role if who.via_uid in self.delegate_uids else Role.NONE)
        return role if who.grant is None else min(role, who.grant.role)


def group_id(name: str) -> int | None:
    """Return the id of a group by its name or number, or None. A number need not have a name."""
    if name.isascii() and name.isdecimal():
        return int(name) if len(name) <= 10 and int(name) <= LARGEST_GID else None
    try:
        return grp.getgrnam(name).gr_gid
    except (KeyError, ValueError):  # ValueError: a NUL in the name
        return None


def user_id(name: str) -> int | None:
    """Return the id of a user by its name or number, or None. A number need not have a name."""
    if name.isascii() and name.isdecimal():
        return int(name) if len(name) <= 10 and int(name) <= LARGEST_GID else None
    try:
        return pwd.getpwnam(name).pw_uid
    except (KeyError, ValueError):  # ValueError: a NUL in the name
        return None


def _group_ids(names: Iterable[str]) -> frozenset[int]:
    return frozenset(gid for gid in map(group_id, names) if gid is not None)
