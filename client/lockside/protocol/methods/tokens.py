"""The methods of tokens, and the one by which a connection acts as another user."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from lockside.documents import times
from lockside.documents.base import NO_NUL_PATTERN, NUMBER_PATTERN, FieldError, ListPage, Name, Out, Time
from lockside.protocol.declaration import ListParams, Mutation, Params, method
from lockside.protocol.errors import ErrorKind
from lockside.protocol.types.origins import PrincipalRef
from lockside.protocol.words import Role

RoleWord = Literal["admin", "operator", "viewer"]


class ShownToken(Out, frozen=True, kw_only=True):
    """The token that a connection uses.

    Attributes:
        id: The token's id.
        name: What it is for.
        project: The only project that it can be used in.
        expires_time: When it expires, and the connection ends; null means never.
    """

    id: str
    name: str
    project: str
    expires_time: str | None = None


class Acting(Out, frozen=True, kw_only=True):
    """The user that a connection acts as.

    Attributes:
        principal: The user as whom the connection acts from now on.
        role: The role: that of the user, limited to those of the delegate and the token.
        token: The token; null without one.
    """

    principal: PrincipalRef
    role: Literal["admin", "operator", "viewer", "none"]
    token: ShownToken | None = None


class NewToken(Out, frozen=True, kw_only=True):
    """A new token.

    Attributes:
        id: The token's id.
        secret: The token's secret. It is returned once; a repeat of the call omits it.
    """

    id: str
    secret: str | UnsetType = UNSET
    deduplicated: bool | UnsetType = UNSET


class Token(Out, frozen=True, kw_only=True):
    """A token, without its secret.

    Attributes:
        id: The token's id.
        user: The user that its holder acts as.
        role: The highest role that it gives; its user's role may be lower.
        project: The only project that it can be used in.
        created_time: When it was created.
        expires_time: When it expires; null means never.
        is_expired: Whether it has expired.
    """

    id: str
    name: str
    user: str
    role: RoleWord
    project: str
    created_time: str
    expires_time: str | None = None
    is_expired: bool


class Tokens(ListPage, frozen=True, kw_only=True):
    """A page of tokens, in the order in which they were created."""

    tokens: list[Token]


class TokenRevoked(Out, frozen=True, kw_only=True):
    """A token that was revoked.

    Attributes:
        id: The token's id.
    """

    id: str
    deduplicated: bool | UnsetType = UNSET


UserName = Annotated[str, Meta(min_length=1, max_length=255, pattern=NO_NUL_PATTERN)]
TokenId = Annotated[str, Meta(pattern=NUMBER_PATTERN, description="A token's id.")]
Secret = Annotated[str, Meta(max_length=255)]


@method(
    "session.actAs",
    Role.NONE,
    answers=Acting,
    refuses=[ErrorKind.NOT_FOUND, ErrorKind.CONFLICT],
    of_connection=True,
    is_repeatable=False,
    is_alone=True,
    example={"user": "anna"},
)
class SessionActAs(Params, frozen=True, kw_only=True):
    """Act as another user in all later calls of this connection.

    Only users in the setting `access.delegates` may call it with `user`, or with a token of another user;
    everyone may use their own tokens. It is called at most once per connection, and never in a batch.

    Attributes:
        user: The name of the user.
        token: The secret of a token: act as its user, with the rights of the token.
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
    answers=NewToken,
    refuses=[ErrorKind.NOT_FOUND],
    example={"name": "dashboard", "role": "viewer", "expiresTime": "2027-01-31T08:00:00Z"},
)
class TokenCreate(Mutation, frozen=True, kw_only=True):
    """Create a token, with which a client can act as its user.

    Attributes:
        project: The only project that it can be used in.
        name: What it is for.
        user: The user that its holder acts as; null means the caller. Only an admin can name another user.
        role: The highest role that it gives, at most the caller's; null means the caller's.
        expires_time: When it expires; null means never.
    """

    reads = {"expires_time": times.canonical_time}

    name: Name
    user: UserName | None = None
    role: RoleWord | None = None
    expires_time: Time | None = None


@method("token.list", Role.VIEWER, answers=Tokens)
class TokenListAll(ListParams, frozen=True, kw_only=True):
    """List the caller's tokens of a project; an admin sees those of all users."""


@method(
    "token.revoke",
    Role.VIEWER,
    answers=TokenRevoked,
    refuses=[ErrorKind.NOT_FOUND],
    example={"id": "3"},
)
class TokenRevoke(Mutation, frozen=True, kw_only=True):
    """Revoke a token and those created with it, and close all connections that use them.

    Attributes:
        id: The token's id. Only an admin can revoke tokens of other users.
    """

    id: TokenId
