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
    from lockside.errors import *  # noqa: F403

__version__ = "0.1.0"

_CLIENTS = {"AsyncClient": "lockside.aio", "Client": "lockside.client"}


def __getattr__(name: str) -> object:
    """Import a client, or an error's class, when it is first asked for."""
    if name in _CLIENTS:
        from importlib import import_module

        return getattr(import_module(_CLIENTS[name]), name)
    if name[:1].isupper():
        from lockside import errors

        if name in errors.CLASSES:
            return errors.CLASSES[name]
    raise AttributeError(f"module 'lockside' has no attribute {name!r}")


def __dir__() -> list[str]:
    """Name what can be asked for, loaded or not."""
    from lockside import errors

    return sorted([*globals(), *_CLIENTS, *errors.CLASSES])
