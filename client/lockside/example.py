"""Where the example pipeline is: inside an installed package, or in `config/example` of a source tree."""

from __future__ import annotations

import os


def example_folder() -> str:
    """Give the example's folder; raises FileNotFoundError when it was not installed."""
    package = os.path.dirname(os.path.abspath(__file__))
    source = os.path.join(os.path.dirname(os.path.dirname(package)), "config", "example")
    for folder in (os.path.join(package, "_example"), source):
        if os.path.isdir(folder):
            return folder
    raise FileNotFoundError("The example pipeline is not installed with this package.")
