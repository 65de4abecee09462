"""What is shipped beside the code: inside an installed package, or in `config` of a source tree."""

from __future__ import annotations

import os


def example_folder() -> str:
    """Give the folder of the example pipeline; raises FileNotFoundError when it was not installed."""
    return shipped("example")


def shipped(name: str) -> str:
    """Return the path of a file or folder of `config`; raises FileNotFoundError when it was not installed."""
    package = os.path.dirname(os.path.abspath(__file__))
    source = os.path.join(os.path.dirname(os.path.dirname(package)), "config", name)
    for path in (os.path.join(package, f"_{name}"), source):
        if os.path.exists(path):
            return path
    raise FileNotFoundError(f"{name} is not installed with this package.")
