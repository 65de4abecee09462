"""The client of lockside: a blocking and an asyncio library, and the command line.

The daemon is never imported, and other modules only on first use, so `import lockside` is fast.

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
    """Import a client or an error class on first use."""
    if name in _CLIENTS:
        from importlib import import_module

        return getattr(import_module(_CLIENTS[name]), name)
    if name[:1].isupper():
        from lockside import errors

        if name in errors.CLASSES:
            return errors.CLASSES[name]
    raise AttributeError(f"module 'lockside' has no attribute {name!r}")


def __dir__() -> list[str]:
    """List all names of the module, loaded or not."""
    from lockside import errors

    return sorted([*globals(), *_CLIENTS, *errors.CLASSES])
