"""The daemon of a campaign is made as in the tests of the whole."""

from e2e.conftest import daemon, fresh, place, wire
from keeper.conftest import scanning

__all__ = ["daemon", "fresh", "place", "scanning", "wire"]
