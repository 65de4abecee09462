"""A daemon with a deliberately broken handler, named by the first argument, which the fuzzer must report."""

import sys
from functools import wraps

from locksided.__main__ import main
from locksided.api.pools import PoolMethods
from locksided.core.errors import Invalid, NotFound


def crash() -> None:
    """An unforeseen value causes an internal fault of the daemon."""
    get = PoolMethods.get

    @wraps(get)
    async def broken(self, call, params):
        if len(params.id) > 200:
            raise OverflowError("Python int too large to convert to SQLite INTEGER")
        return await get(self, call, params)

    PoolMethods.get = broken


def keep() -> None:
    """A refused call has already made half of its changes."""
    put = PoolMethods.put

    @wraps(put)
    async def broken(self, call, params):
        answer = await put(self, call, params)
        if params.pool.description is not None:
            raise Invalid("too late", path="$.pool")
        return answer

    PoolMethods.put = broken


def nameless() -> None:
    """A refusal does not name its field."""

    @wraps(PoolMethods.get)
    async def broken(self, call, params):
        raise NotFound("It is not there.")

    PoolMethods.get = broken


def strange() -> None:
    """An answer does not match the document."""

    @wraps(PoolMethods.list)
    async def broken(self, call, params):
        return {"pools": "none"}

    PoolMethods.list = broken


if __name__ == "__main__":
    {"crash": crash, "keep": keep, "nameless": nameless, "strange": strange}[sys.argv.pop(1)]()
    raise SystemExit(main())
