"""How `daemon.status` shows the keepers: the one that takes new starts, and former ones until they leave."""

from typing import Any

from locksided.api.service import Service
from locksided.backends.messages import BUILD
from locksided.keeper.messages import Hello

View = dict[str, Any]


def keeper_views(service: Service) -> View:
    """The members of `daemon.status` that tell of keepers."""
    keepers = service.backend.keepers
    current = keepers.current
    runs = service.backend.runs_of(current)
    return {
        "keeper": _view(None if current is None else current.hello, runs, keepers.cause),
        "formerKeepers": [_view(link.hello, link.kept, "it does not answer") for link in keepers.former],
    }


def _view(hello: Hello | None, runs: int, cause: str | None) -> View:
    view: View = {"isConnected": hello is not None, "runs": runs, "cause": None}
    if hello is None:
        view |= dict.fromkeys(("pid", "protocolVersion", "isOutdated", "killsBy"))
        return {**view, "cause": cause}
    return {
        **view,
        "pid": hello.pid,
        "protocolVersion": hello.version,
        "isOutdated": hello.build != BUILD,
        "killsBy": "cgroup" if hello.cgroups else "scan",
    }
