"""What is answered about tokens, and about who acts as whom."""

from typing import Literal

from msgspec import UNSET, UnsetType

from lockside.documents.base import ListPage, Out
from lockside.protocol.types.origins import PrincipalRef

RoleWord = Literal["admin", "operator", "viewer"]


class ShownToken(Out, frozen=True, kw_only=True):
    """The token that a connection shows.

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
    """As whom a connection acts.

    Attributes:
        principal: The user as whom all is done from now on.
        role: The role: that of the user, unless the delegate or the token may less.
        token: The token; null without one.
    """

    principal: PrincipalRef
    role: Literal["admin", "operator", "viewer", "none"]
    token: ShownToken | None = None


class NewToken(Out, frozen=True, kw_only=True):
    """A new token.

    Attributes:
        id: The token's id.
        secret: What is shown in the place of a user. It is answered once; a repeat of the call has none.
    """

    id: str
    secret: str | UnsetType = UNSET
    deduplicated: bool | UnsetType = UNSET


class Token(Out, frozen=True, kw_only=True):
    """A token, without its secret.

    Attributes:
        id: The token's id.
        user: As whom all is done with it.
        role: The highest role that it gives; that of its user may be lower.
        project: The only project that it can be used in.
        created_time: When it was made.
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
    """A page of tokens, in the order in which they were made."""

    tokens: list[Token]


class TokenRevoked(Out, frozen=True, kw_only=True):
    """A token that is no more.

    Attributes:
        id: The token's id.
    """

    id: str
    deduplicated: bool | UnsetType = UNSET
