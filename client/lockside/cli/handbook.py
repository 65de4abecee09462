"""The pages of the handbook, which are shipped as Markdown files, one per topic."""

from __future__ import annotations

import os
import re

_FOLDER = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "handbook")
_TOPIC = re.compile(r"[a-z][a-z-]*")
INDEX = "index"


def page(topic: str) -> str:
    """Return the text of a page; empty if there is none of that name."""
    if not _TOPIC.fullmatch(topic):
        return ""
    try:
        with open(os.path.join(_FOLDER, f"{topic}.md"), encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def topics() -> list[str]:
    """Return the names of all pages, in alphabetical order."""
    names = (os.path.splitext(name) for name in os.listdir(_FOLDER))
    return sorted(name for name, ending in names if ending == ".md" and name != INDEX)
