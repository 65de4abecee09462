"""The methods of pools."""

from typing import Annotated, Any, Final

from msgspec import Meta

from lockside.documents.base import PoolId
from lockside.documents.pool import PoolSpec
from lockside.protocol.declaration import ListParams, Mutation, Params, method
from lockside.protocol.errors import ErrorKind
from lockside.protocol.types.stored import Deleted, ExecutorKinds, Pool, Pools
from lockside.protocol.words import Role

HEAVY: Final[dict[str, Any]] = {"id": "heavy"}


@method(
    "pool.put", Role.ADMIN, answers=Pool, positional=["slots"], example={"pool": {"id": "heavy", "slots": 2}}
)
class PoolPut(Mutation, frozen=True, kw_only=True):
    """Store a pool.

    Attributes:
        pool: The whole pool.
    """

    pool: PoolSpec


@method("pool.get", Role.VIEWER, answers=Pool, refuses=[ErrorKind.NOT_FOUND], example=HEAVY)
class PoolGet(Params, frozen=True, kw_only=True):
    """Return a pool and how full it is.

    Attributes:
        id: The pool's id.
    """

    id: PoolId


@method("pool.list", Role.VIEWER, answers=Pools)
class PoolList(ListParams, frozen=True, kw_only=True):
    """List pools."""


@method(
    "pool.pause",
    Role.ADMIN,
    answers=Pool,
    refuses=[ErrorKind.NOT_FOUND],
    positional=["comment"],
    example=HEAVY | {"comment": "disk swap"},
)
class PoolPause(Mutation, frozen=True, kw_only=True):
    """Start no more jobs in a pool.

    Attributes:
        id: The pool's id.
        comment: The reason, shown with jobs that wait.
    """

    id: PoolId
    comment: Annotated[str, Meta(max_length=1024)] | None = None


class PoolAction(Mutation, frozen=True, kw_only=True):
    """A pool to act on.

    Attributes:
        id: The pool's id.
    """

    id: PoolId


@method("pool.resume", Role.ADMIN, answers=Pool, refuses=[ErrorKind.NOT_FOUND], example=HEAVY)
class PoolResume(PoolAction, frozen=True, kw_only=True):
    """Start jobs in a pool again."""


@method("pool.delete", Role.ADMIN, answers=Deleted, refuses=[ErrorKind.NOT_FOUND], example=HEAVY)
class PoolDelete(PoolAction, frozen=True, kw_only=True):
    """Delete a pool that no unfinished job uses."""


@method("executor.list", Role.VIEWER, answers=ExecutorKinds)
class ExecutorList(Params, frozen=True, kw_only=True):
    """List the kinds of executors that pools can name."""
