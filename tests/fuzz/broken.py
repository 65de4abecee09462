"""A daemon with a handler that is broken on purpose, named by the first argument: to be reported."""

import sys
from functools import wraps

from locksided.__main__ import main
from locksided.api.pools import PoolMethods
from locksided.core.errors import Invalid, NotFound


def crash() -> None:
    """A value that was not thought of ends in a fault of the daemon's own."""
    get = PoolMethods.get

    @wraps(get)
    async def broken(self, call, params):
        if len(params.id) > 200:
            raise OverflowError("Python int too large to convert to SQLite INTEGER")
        return await get(self, call, params)

    PoolMethods.get = broken


def keep() -> None:
    """A call that is refused has done a half of it before."""
    put = PoolMethods.put

    @wraps(put)
    async def broken(self, call, params):
        answer = await put(self, call, params)
        if params.pool.description is not None:
            raise Invalid("too late", path="$.pool")
        return answer

    PoolMethods.put = broken


def nameless() -> None:
    """A refusal does not say which field it is about."""

    @wraps(PoolMethods.get)
    async def broken(self, call, params):
        raise NotFound("It is not there.")

    PoolMethods.get = broken


def strange() -> None:
    """An answer is not what the document says."""

    @wraps(PoolMethods.list)
    async def broken(self, call, params):
        return {"pools": "none"}

    PoolMethods.list = broken


if __name__ == "__main__":
    {"crash": crash, "keep": keep, "nameless": nameless, "strange": strange}[sys.argv.pop(1)]()
    raise SystemExit(main())
