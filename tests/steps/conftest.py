"""Fixtures that several tests of steps use."""

import pytest

from locksided.steps.staging import retries


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses, in seconds, that the code would have made."""
    waited: list[float] = []
    monkeypatch.setattr(retries, "wait", waited.append)
    return waited
