"""Says what a kind of executor is, as JSON: run by the daemon, which imports no plug-in.

A plug-in's entry point is a callable that returns `{argv, optionsSchema, capabilities}`.
"""

import json
import sys
from importlib.metadata import entry_points
from typing import Any

from locksided.executors.slurm import engine as slurm

GROUP = "lockside.executors"


def describe(kind: str) -> dict[str, Any]:
    """What a kind says of itself. Raises whatever a plug-in raises."""
    if kind == slurm.Slurm.kind:
        return slurm.describe()
    for plugin in entry_points(group=GROUP):
        if plugin.name == kind:
            return dict(plugin.load()())
    raise SystemExit(f"there is no executor {kind}")


if __name__ == "__main__":
    print(json.dumps(describe(sys.argv[1])))
