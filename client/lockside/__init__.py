"""The client of lockside: a blocking and an asyncio library, and the command line.

Nothing of the daemon is imported here, and nothing at all before it is used: `import lockside` costs nothing.

    from lockside import Client

    with Client() as client:
        job = client.job.create("airports.extract", "daily")
        print(client.wait(job.id).status)
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lockside.aio import AsyncClient as AsyncClient
    from lockside.client import Client as Client
    from lockside.errors import LocksideError as LocksideError
    from lockside.errors import NotReachable as NotReachable

__version__ = "0.1.0"

_HOMES = {
    "AsyncClient": "lockside.aio",
    "Client": "lockside.client",
    "LocksideError": "lockside.errors",
    "NotReachable": "lockside.errors",
}


def __getattr__(name: str) -> object:
    """Import a public name when it is first asked for."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'lockside' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    """Name what can be asked for, loaded or not."""
    return sorted([*globals(), *_HOMES])
