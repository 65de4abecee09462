"""Fixtures of the campaigns: daemons, a place, and the figures of a test."""

from collections.abc import Callable

import pytest

from campaign.figures import Figures
from e2e.conftest import ear, fresh, gate, place, wire

__all__ = ["ear", "fresh", "gate", "place", "wire"]


@pytest.fixture
def figures(record_property: Callable[[str, object], None]) -> Callable[[str], Figures]:
    """Makes the figures of a campaign; they are shown when the test has ended well."""
    return lambda campaign: Figures(campaign, record_property)
