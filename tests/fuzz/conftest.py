"""The daemon of a campaign is created as in the end-to-end tests."""

from e2e.conftest import daemon, fresh, place, wire
from keeper.conftest import scanning

__all__ = ["daemon", "fresh", "place", "scanning", "wire"]
