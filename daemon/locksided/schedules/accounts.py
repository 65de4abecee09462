"""The owner of a schedule or trigger as the user database and the settings know him now."""

from lockside.protocol.words import Role
from locksided.core.errors import Forbidden
from locksided.server.access import Access, Principal
from locksided.server.accounts import groups_of
from locksided.server.peers import user_name


def owner_now(access: Access, uid: int, gid: int, user: str) -> Principal:
    """The owner with the rights that he has now; may ask the network, so call it in a thread.

    Raises Forbidden when the user is gone, when the uid has another name, or when the role is too low.
    """
    if user_name(uid) != user:
        raise Forbidden(
            f"The owner {user} (uid {uid}) is gone: an admin can give it to another user with `owner`.",
            path="$.schedule.owner",
        )
    groups = groups_of(uid, gid)
    role = access.role_of(uid, groups)
    if role < Role.OPERATOR:
        raise Forbidden(
            f"The owner {user} has the role {role.word} now, which may not create jobs.",
            path="$.schedule.owner",
        )
    return Principal(uid, gid, user, groups, role, 0)
