"""What the code of an executor is: after an upgrade another one takes the new runs."""

import os
from typing import TYPE_CHECKING

from locksided.keeper import build

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "lockside.executors"


def plugins() -> dict[str, "EntryPoint"]:
    """The kinds of plug-ins."""
    from importlib.metadata import entry_points

    return {one.name: one for one in entry_points(group=GROUP)}


def version_of(plugin: "EntryPoint | None") -> str:
    """The version of a plug-in's distribution; empty when there is none."""
    return "" if plugin is None or plugin.dist is None else plugin.dist.version


def build_of(kind: str) -> str:
    """What an executor of that kind is made of now."""
    own = build.fingerprint(os.path.dirname(__file__))
    return f"{build.fingerprint()}-{own}-{version_of(plugins().get(kind))}"
