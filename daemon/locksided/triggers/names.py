"""Matches file names with conditions. Standard library only: the watcher uses it, too."""

from collections.abc import Iterable
from fnmatch import fnmatchcase


def is_meant(name: str, match: str, exclude: Iterable[str]) -> bool:
    """Return whether a name fits the pattern and none of the excluded ones."""
    return fnmatchcase(name, match) and not any(fnmatchcase(name, one) for one in exclude)
