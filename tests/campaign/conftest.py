"""Fixtures of the campaigns: daemons, a folder, and the figures of a test."""

from collections.abc import Callable

import pytest

from campaign.figures import Figures
from e2e.conftest import ear, fresh, gate, place, wire

__all__ = ["ear", "fresh", "gate", "place", "wire"]


@pytest.fixture
def figures(record_property: Callable[[str, object], None]) -> Callable[[str], Figures]:
    """Create the figures of a campaign; they are shown if the test passes."""
    return lambda campaign: Figures(campaign, record_property)
