"""The parameters of `pool.*`."""

from typing import Annotated

from msgspec import Meta

from lockside.documents.base import PoolId
from lockside.documents.pool import PoolSpec
from lockside.protocol.params.base import Mutating, Params


class PoolPut(Mutating, frozen=True, kw_only=True):
    """Parameters of `pool.put`."""

    pool: PoolSpec


class PoolGet(Params, frozen=True, kw_only=True):
    """Parameters of `pool.get`."""

    id: PoolId


class PoolList(Params, frozen=True, kw_only=True):
    """Parameters of `pool.list`."""


class PoolPause(Mutating, frozen=True, kw_only=True):
    """Parameters of `pool.pause`."""

    id: PoolId
    comment: Annotated[str, Meta(max_length=1024)] | None = None


class PoolAction(Mutating, frozen=True, kw_only=True):
    """One pool."""

    id: PoolId
