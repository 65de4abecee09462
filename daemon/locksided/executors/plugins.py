"""The kinds of executors that are installed. What a kind says of itself is asked of a process of its own
(`python -m locksided.executors --describe KIND`): the daemon imports no plug-in.

A plug-in's entry point is a callable that returns `{argv, optionsSchema, capabilities}`.
"""

import os
from typing import TYPE_CHECKING, Any

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
    """What the code of an executor is: after an upgrade another one takes the new runs."""
    own = build.fingerprint(os.path.dirname(__file__))
    return f"{build.fingerprint()}-{own}-{version_of(plugins().get(kind))}"


def describe(kind: str) -> dict[str, Any]:
    """What a kind says of itself. Raises whatever a plug-in raises."""
    if kind == "slurm":
        from locksided.executors.slurm import engine as slurm  # the daemon reads no engine's code

        return slurm.describe()
    plugin = plugins().get(kind)
    if plugin is None:
        raise SystemExit(f"there is no executor {kind}")
    return dict(plugin.load()())
