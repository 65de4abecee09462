"""Checks that the declarations of the methods name the errors that were seen."""

from collections.abc import Iterable, Mapping

from lockside.protocol.methods import TEST_METHODS


def undocumented(seen: Mapping[str, Iterable[str]]) -> list[str]:
    """Return a sentence for each method and kind of error that was seen but is not in its declaration."""
    return [
        f"{method} answered {kind}, which its declaration does not name"
        for method, kinds in sorted(seen.items())
        for kind in sorted(set(kinds) - set(TEST_METHODS[method].errors))
    ]
