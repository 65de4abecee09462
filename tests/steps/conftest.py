"""What tests of steps have in common."""

import pytest

from locksided.steps.staging import retries


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long it would have waited."""
    waited: list[float] = []
    monkeypatch.setattr(retries, "wait", waited.append)
    return waited
