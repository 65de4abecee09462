"""Says what a kind of executor is, as JSON: run by the daemon, which imports no plug-in.

A plug-in's entry point is a callable that returns `{argv, optionsSchema, capabilities}`.
"""

import json
import sys
from typing import Any

from locksided.executors.build import plugins
from locksided.executors.slurm import engine as slurm


def describe(kind: str) -> dict[str, Any]:
    """What a kind says of itself. Raises whatever a plug-in raises."""
    if kind == slurm.Slurm.kind:
        return slurm.describe()
    plugin = plugins().get(kind)
    if plugin is None:
        raise SystemExit(f"there is no executor {kind}")
    return dict(plugin.load()())


if __name__ == "__main__":
    print(json.dumps(describe(sys.argv[1])))
