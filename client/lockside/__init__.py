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
    from lockside.errors import ComponentFailed as ComponentFailed
    from lockside.errors import Conflict as Conflict
    from lockside.errors import ConnectionLost as ConnectionLost
    from lockside.errors import Disabled as Disabled
    from lockside.errors import Forbidden as Forbidden
    from lockside.errors import InternalError as InternalError
    from lockside.errors import InvalidParams as InvalidParams
    from lockside.errors import InvalidRequest as InvalidRequest
    from lockside.errors import InvalidTransition as InvalidTransition
    from lockside.errors import LimitExceeded as LimitExceeded
    from lockside.errors import LocksideError as LocksideError
    from lockside.errors import NotFound as NotFound
    from lockside.errors import NotReachable as NotReachable
    from lockside.errors import NotUnderstood as NotUnderstood
    from lockside.errors import ParseFailed as ParseFailed
    from lockside.errors import TimedOut as TimedOut
    from lockside.errors import Unavailable as Unavailable
    from lockside.errors import UnknownMethod as UnknownMethod

__version__ = "0.1.0"

_HOMES = {
    "AsyncClient": "lockside.aio",
    "Client": "lockside.client",
    "ComponentFailed": "lockside.errors",
    "Conflict": "lockside.errors",
    "ConnectionLost": "lockside.errors",
    "Disabled": "lockside.errors",
    "Forbidden": "lockside.errors",
    "InternalError": "lockside.errors",
    "InvalidParams": "lockside.errors",
    "InvalidRequest": "lockside.errors",
    "InvalidTransition": "lockside.errors",
    "LimitExceeded": "lockside.errors",
    "LocksideError": "lockside.errors",
    "NotFound": "lockside.errors",
    "NotReachable": "lockside.errors",
    "NotUnderstood": "lockside.errors",
    "ParseFailed": "lockside.errors",
    "TimedOut": "lockside.errors",
    "Unavailable": "lockside.errors",
    "UnknownMethod": "lockside.errors",
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
