"""The methods by which a connection acts as another user, and of tokens."""

from typing import Annotated

from msgspec import Meta

from lockside.documents import times
from lockside.documents.base import NO_NUL_PATTERN, NUMBER_PATTERN, FieldError, Name, Time
from lockside.protocol.declaration import ListParams, Mutation, Params, method
from lockside.protocol.errors import ErrorKind
from lockside.protocol.types import tokens as t
from lockside.protocol.words import Role

UserName = Annotated[str, Meta(min_length=1, max_length=255, pattern=NO_NUL_PATTERN)]
TokenId = Annotated[str, Meta(pattern=NUMBER_PATTERN, description="A token's id.")]
Secret = Annotated[str, Meta(max_length=255)]


@method(
    "session.actAs",
    Role.NONE,
    answers=t.Acting,
    refuses=[ErrorKind.NOT_FOUND, ErrorKind.CONFLICT],
    of_connection=True,
    is_repeatable=False,
    is_alone=True,
    example={"user": "anna"},
)
class SessionActAs(Params, frozen=True, kw_only=True):
    """Do all that follows on this connection as another user.

    Only users in the setting `access.delegates` may call it with `user`, or with a token of another user;
    anybody may with a token of one's own. It is called once a connection, and never in a batch.

    Attributes:
        user: The name of the user.
        token: The secret of a token: its user, with the rights of the token.
    """

    user: UserName | None = None
    token: Secret | None = None

    def check(self) -> None:
        """Raises FieldError unless exactly one of the two is named."""
        if (self.user is None) == (self.token is None):
            raise FieldError("Give either a `user` or a `token`", "user")


@method(
    "token.create",
    Role.VIEWER,
    answers=t.NewToken,
    refuses=[ErrorKind.NOT_FOUND],
    example={"name": "dashboard", "role": "viewer", "expiresTime": "2027-01-31T08:00:00Z"},
)
class TokenCreate(Mutation, frozen=True, kw_only=True):
    """Make a token, which can be shown in the place of a user.

    Attributes:
        project: The only project that it can be used in.
        name: What it is for.
        user: As whom all is done with it; null means the caller. Naming another user is the admin's.
        role: The highest role that it gives, at most the caller's; null means the caller's.
        expires_time: When it expires; null means never.
    """

    reads = {"expires_time": times.canonical_time}  # noqa: RUF012 - a ClassVar of the base

    name: Name
    user: UserName | None = None
    role: t.RoleWord | None = None
    expires_time: Time | None = None


@method("token.list", Role.VIEWER, answers=t.Tokens)
class TokenListAll(ListParams, frozen=True, kw_only=True):
    """List one's own tokens of a project; an admin sees those of all users."""


@method(
    "token.revoke",
    Role.VIEWER,
    answers=t.TokenRevoked,
    refuses=[ErrorKind.NOT_FOUND],
    example={"id": "3"},
)
class TokenRevoke(Mutation, frozen=True, kw_only=True):
    """End a token, those that were made with it, and all connections that use them.

    Attributes:
        id: The token's id. Those of others are the admin's to revoke.
    """

    id: TokenId
