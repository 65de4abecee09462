"""The installed kinds of executors. A process of its own describes a kind (`python -m locksided.executors
--describe KIND`): the daemon imports no plug-in.

A plug-in's entry point is a callable that returns `{argv, optionsSchema, capabilities}`.
"""

import os
from typing import TYPE_CHECKING, Any

from locksided.keeper import build

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "lockside.executors"


def plugins() -> dict[str, "EntryPoint"]:
    """Return the plug-ins by their kinds."""
    from importlib.metadata import entry_points

    return {one.name: one for one in entry_points(group=GROUP)}


def version_of(plugin: "EntryPoint | None") -> str:
    """Return the version of a plug-in's distribution; empty if there is none."""
    return "" if plugin is None or plugin.dist is None else plugin.dist.version


def build_of(kind: str) -> str:
    """Return the fingerprint of an executor's code: after an upgrade another executor takes the new runs."""
    own = build.fingerprint(os.path.dirname(__file__))
    return f"{build.fingerprint()}-{own}-{version_of(plugins().get(kind))}"


def describe(kind: str) -> dict[str, Any]:
    """Return the description of a kind. Raises whatever a plug-in raises."""
    if kind == "slurm":
        from locksided.executors.slurm import engine as slurm  # the daemon imports no engine

        return slurm.describe()
    plugin = plugins().get(kind)
    if plugin is None:
        raise SystemExit(f"there is no executor {kind}")
    return dict(plugin.load()())
