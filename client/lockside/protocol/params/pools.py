"""The parameters of `pool.*`."""

from typing import Annotated

from msgspec import Meta

from lockside.documents.base import PoolId
from lockside.documents.pool import PoolSpec
from lockside.protocol.params.base import ListParams, Mutating, Params


class PoolPut(Mutating, frozen=True, kw_only=True):
    """Parameters of `pool.put`.

    Attributes:
        pool: The whole pool.
    """

    pool: PoolSpec


class PoolGet(Params, frozen=True, kw_only=True):
    """Parameters of `pool.get`.

    Attributes:
        id: The pool's id.
    """

    id: PoolId


class PoolList(ListParams, frozen=True, kw_only=True):
    """Parameters of `pool.list`."""


class PoolPause(Mutating, frozen=True, kw_only=True):
    """Parameters of `pool.pause`.

    Attributes:
        id: The pool's id.
        comment: Why, for those who wait.
    """

    id: PoolId
    comment: Annotated[str, Meta(max_length=1024)] | None = None


class PoolAction(Mutating, frozen=True, kw_only=True):
    """A pool to act on.

    Attributes:
        id: The pool's id.
    """

    id: PoolId
